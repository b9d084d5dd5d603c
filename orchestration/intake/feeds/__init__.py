"""Feeds: files that are not in our format, read by a document that says which of their columns is which of ours."""

from orchestration.intake.feeds.files import Feed, feeds_of, json_schema, landed_records

__all__ = ["Feed", "feeds_of", "json_schema", "landed_records"]
