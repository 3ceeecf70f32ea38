"""Looks the installation over before money is at stake: settings, network, clock, key, account, budget, one order.

Owns the questions and the words. It trades nothing: its one order rests far from the market and is cancelled at once,
and it leaves through the gateway like every other.
"""

from tidegate.doctor.examination import Examination
from tidegate.doctor.findings import Finding, Grade, exit_code, line_of, of_configuration

__all__ = ["Examination", "Finding", "Grade", "exit_code", "line_of", "of_configuration"]
