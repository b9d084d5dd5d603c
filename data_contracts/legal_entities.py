"""Contract of `legal_entities`."""

from data_contracts.vocabulary import Table, Text, column, key


class LegalEntities(Table):
    """A legal entity of the company, which issues invoices. Grain: one row per entity. Source: orchestration.book."""

    legal_entity_id: Text = key("Id of the entity.", example="acme_us")
    legal_entity_name: Text = column("Registered name.", example="Acme Inc.")
    country: Text = column("ISO 3166 country code.", example="DE")
    currency: Text = column("ISO 4217 code of the entity's books.", pattern="^[A-Z]{3}$", example="USD")
    invoice_prefix: Text = column("Prefix of its document numbers.", example="US")
