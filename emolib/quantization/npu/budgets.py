"""Budgets of a model on an NPU, each error with the operator to begin with."""

from dataclasses import dataclass

import pandas as pd

from emolib.core.errors import BadParameter, OverBudget


@dataclass(frozen=True)
class Budgets:
    """The most that a model may need, and the least share of its operators on the NPU; 0: no budget."""

    max_sram_kb: float = 0.0
    max_flash_kb: float = 0.0
    max_latency_ms: float = 0.0
    min_npu_percent: float = 0.0

    def __post_init__(self):
        for name, value in vars(self).items():
            if not value >= 0:
                raise BadParameter(f"{name}: got {value}, expected 0 (no budget) or more.")


LIMITS = {  # column of Vela's table: budget, unit, the operators' column that says where it goes, what to do
    "sram_kb": ("max_sram_kb", "kB of SRAM", "sram_bytes", "thin"),
    "flash_kb": ("max_flash_kb", "kB of flash", "weight_bytes", "thin"),
    "latency_ms": ("max_latency_ms", "ms", "cycles", "thin or stride"),
}


def check_budgets(table: pd.DataFrame, operators: pd.DataFrame, budgets: Budgets):
    """Raises OverBudget, naming accelerator and operator, for the first row of Vela's tables over its budget."""
    for row in table.to_dict("records"):
        own = operators[operators.accelerator == row["accelerator"]]
        _check_share(row, own, budgets.min_npu_percent)
        for column, (budget, unit, by, remedy) in LIMITS.items():
            most = getattr(budgets, budget)
            if most and row[column] > most:
                worst = _label(own.loc[own[by].idxmax()])
                raise OverBudget(
                    f"{row['accelerator']}: {row[column]:.3g} {unit} by {row['modelled_by']}, expected at most "
                    f"{most:g}: {remedy} {worst}, or raise {budget}."
                )


def _check_share(row: dict, operators: pd.DataFrame, least: float):
    if row["npu_percent"] < least:
        stray = operators[~operators.on_npu].iloc[0]
        raise OverBudget(
            f"{row['accelerator']}: {row['npu_percent']:.0f} % of the operators on the NPU, expected at least "
            f"{least:g} %: {_label(stray)} stays on the CPU ({stray.why}); replace it, or lower min_npu_percent."
        )


def _label(operator: pd.Series) -> str:
    return f"operator {operator['index']}, {operator.operator} ({operator['name'].split(';')[0]})"
