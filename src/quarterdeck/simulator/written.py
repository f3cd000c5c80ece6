"""Fault plans as text: JSON or YAML, read strictly, and written so that they read back as they were."""

from __future__ import annotations

import msgspec
import yaml

from quarterdeck.domain import InputError
from quarterdeck.simulator.plan import FaultPlan


def plan_from(text: str) -> FaultPlan:
    """
    Read a plan; YAML holds JSON too.

    Raises:
        InputError: If it is no plan; the message names the place and what is wrong there.
    """
    try:
        given = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"the fault plan is neither YAML nor JSON: {error}") from error
    try:
        return msgspec.convert({} if given is None else given, FaultPlan)
    except msgspec.ValidationError as error:
        raise InputError(f"the fault plan cannot be used: {error}") from error


def json_of(plan: FaultPlan) -> str:
    """Write a plan as JSON, one fault a line."""
    faults = ",\n".join(f"    {msgspec.json.encode(fault).decode()}" for fault in plan.faults)
    body = f"[\n{faults}\n  ]" if faults else "[]"
    return f'{{\n  "latency_s": {msgspec.json.encode(plan.latency_s).decode()},\n  "faults": {body}\n}}\n'


def yaml_of(plan: FaultPlan) -> str:
    """Write a plan as YAML."""
    return yaml.safe_dump(msgspec.to_builtins(plan), sort_keys=False)
