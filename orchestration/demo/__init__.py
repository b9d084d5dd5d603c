"""The demo company, Halden Compute: a quarter of landing files made from constants, and what is known about them.

It sells API tokens, card processing and storage to 200 accounts in three currencies and three time zones. Its files
carry the faults that real feeds carry, planted and counted, so that a run can be compared with `DemoTruth`.
"""

from orchestration.demo.calendar import FIRST_DELIVERY, LAST_DELIVERY
from orchestration.demo.landing import write_demo
from orchestration.demo.layout import refuse_other_data
from orchestration.demo.truth import DatasetTruth, DemoTruth

__all__ = ["FIRST_DELIVERY", "LAST_DELIVERY", "DatasetTruth", "DemoTruth", "refuse_other_data", "write_demo"]
