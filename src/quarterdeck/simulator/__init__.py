"""
Venues in a box: an exchange model with the network before it, and a plan of what goes wrong with both.

A plan is drawn by a seed or written by hand as JSON or YAML. There is one kind of fault for everything that can go
wrong at a venue or on the way to it; how venues differ where nothing is wrong, the scope of their ids for one, is the
exchange's personality.
"""

from quarterdeck.simulator.box import BoxedVenue, Timers, VenueClock, Wires
from quarterdeck.simulator.deeds import HAND
from quarterdeck.simulator.draw import Draw, draw_plan
from quarterdeck.simulator.plan import CALM, TRAITS, Call, Fault, FaultKind, FaultPlan, Trait
from quarterdeck.simulator.reads import with_holes
from quarterdeck.simulator.weather import Fate, Trouble, Weather
from quarterdeck.simulator.written import json_of, plan_from, yaml_of

__all__ = [
    "CALM",
    "HAND",
    "TRAITS",
    "BoxedVenue",
    "Call",
    "Draw",
    "Fate",
    "Fault",
    "FaultKind",
    "FaultPlan",
    "Timers",
    "Trait",
    "Trouble",
    "VenueClock",
    "Weather",
    "Wires",
    "draw_plan",
    "json_of",
    "plan_from",
    "with_holes",
    "yaml_of",
]
