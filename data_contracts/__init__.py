"""What is true: one class per table, in the order data flows. Computes nothing."""

from data_contracts.account_contracts import AccountContracts
from data_contracts.account_rows import AccountRows
from data_contracts.accounts import Accounts
from data_contracts.actions import Actions
from data_contracts.adjustments import Adjustments, HeldAdjustments, SealedAdjustments
from data_contracts.billable_lines import BillableLines
from data_contracts.billing_document_lines import BillingDocumentLines, IssuedLines
from data_contracts.billing_documents import BillingDocuments, IssuedDocuments
from data_contracts.closed_partitions import ClosedLineItems, ClosedRevenueDaily
from data_contracts.companies import Companies
from data_contracts.contracts import Contracts
from data_contracts.corrections import Corrections
from data_contracts.cost_conditions import CostConditions
from data_contracts.cost_mappings import CostMappings
from data_contracts.cost_meters import CostMeters
from data_contracts.cost_rows import CostRows
from data_contracts.cost_shares import CostShares
from data_contracts.costs import Costs
from data_contracts.currencies import Currencies
from data_contracts.documents import Documents
from data_contracts.exchange_rates import ExchangeRates
from data_contracts.exclusions import Exclusions
from data_contracts.findings import Findings
from data_contracts.fx_rates import FxRates
from data_contracts.issues import Issues
from data_contracts.landed_files import LandedFiles
from data_contracts.legal_entities import LegalEntities
from data_contracts.line_inputs import LineInputs, SealedInputs, SettledInputs
from data_contracts.line_items import LineItems
from data_contracts.meters import Meters
from data_contracts.plan_prices import PlanPrices
from data_contracts.posted_line_items import PostedLineItems, SealedLineItems
from data_contracts.price_cells import PriceCells
from data_contracts.price_conditions import PriceConditions
from data_contracts.price_tiers import PriceTiers
from data_contracts.price_versions import PriceVersions
from data_contracts.priced_usage import PricedUsage
from data_contracts.products import Products
from data_contracts.rate_curves import RateCurves
from data_contracts.rated_events import RatedEvents
from data_contracts.rates import Rates
from data_contracts.rejected_rows import RejectedRows
from data_contracts.repeated_events import RepeatedEvents
from data_contracts.reversals import Reversals
from data_contracts.sealed_periods import SealedPeriods
from data_contracts.settled_line_items import SettledLineItems
from data_contracts.standing_bills import StandingBills
from data_contracts.usage_days import UsageDays
from data_contracts.usage_events import UsageEvents
from data_contracts.usage_levels import UsageLevels
from data_contracts.usage_outcomes import UsageOutcomes
from data_contracts.usage_slots import UsageSlots
from data_contracts.usage_states import UsageStates
from data_contracts.vocabulary import AsOf, Delivered, Delivery, Issued, Kind, Sealed, SealedLog, Table
from data_contracts.zone_days import ZoneDays

TABLES: tuple[type[Table], ...] = (
    LandedFiles,
    UsageEvents,
    RepeatedEvents,
    Reversals,
    RejectedRows,
    AccountRows,
    FxRates,
    Documents,
    CostRows,
    Actions,
    Companies,
    LegalEntities,
    Currencies,
    Products,
    Meters,
    PlanPrices,
    PriceVersions,
    PriceTiers,
    PriceCells,
    RateCurves,
    PriceConditions,
    Exclusions,
    CostMappings,
    CostConditions,
    CostMeters,
    Contracts,
    Accounts,
    ZoneDays,
    AccountContracts,
    ExchangeRates,
    Rates,
    UsageSlots,
    UsageStates,
    UsageDays,
    UsageLevels,
    PricedUsage,
    RatedEvents,
    LineItems,
    UsageOutcomes,
    LineInputs,
    SealedPeriods,
    SealedInputs,
    SealedLineItems,
    SealedAdjustments,
    HeldAdjustments,
    ClosedLineItems,
    ClosedRevenueDaily,
    SettledInputs,
    SettledLineItems,
    Corrections,
    Adjustments,
    PostedLineItems,
    Issues,
    IssuedDocuments,
    IssuedLines,
    BillableLines,
    BillingDocumentLines,
    BillingDocuments,
    StandingBills,
    Costs,
    CostShares,
    Findings,
)

__all__ = [
    "TABLES",
    "AccountContracts",
    "AccountRows",
    "Accounts",
    "Actions",
    "Adjustments",
    "AsOf",
    "BillableLines",
    "BillingDocumentLines",
    "BillingDocuments",
    "ClosedLineItems",
    "ClosedRevenueDaily",
    "Companies",
    "Contracts",
    "Corrections",
    "CostConditions",
    "CostMappings",
    "CostMeters",
    "CostRows",
    "CostShares",
    "Costs",
    "Currencies",
    "Delivered",
    "Delivery",
    "Documents",
    "ExchangeRates",
    "Exclusions",
    "Findings",
    "FxRates",
    "HeldAdjustments",
    "Issued",
    "IssuedDocuments",
    "IssuedLines",
    "Issues",
    "Kind",
    "LandedFiles",
    "LegalEntities",
    "LineInputs",
    "LineItems",
    "Meters",
    "PlanPrices",
    "PostedLineItems",
    "PriceCells",
    "PriceConditions",
    "PriceTiers",
    "PriceVersions",
    "PricedUsage",
    "Products",
    "RateCurves",
    "RatedEvents",
    "Rates",
    "RejectedRows",
    "RepeatedEvents",
    "Reversals",
    "Sealed",
    "SealedAdjustments",
    "SealedInputs",
    "SealedLineItems",
    "SealedLog",
    "SealedPeriods",
    "SettledInputs",
    "SettledLineItems",
    "StandingBills",
    "Table",
    "UsageDays",
    "UsageEvents",
    "UsageLevels",
    "UsageOutcomes",
    "UsageSlots",
    "UsageStates",
    "ZoneDays",
]
