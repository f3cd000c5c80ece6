"""A bot as a process of its own: `python -m tests.drill.child PLAN`, where PLAN is the JSON of a `BotPlan`."""

from __future__ import annotations

import resource
import sys

import msgspec

from quarterdeck.config import BotConfig, Workspace, load_bot
from quarterdeck.domain import QuarterdeckError
from quarterdeck.system import run_bot
from tests.drill.plan import BotPlan, plan_from


def main(text: str) -> int:
    """Run the bot of a plan; print its summary as JSON, or say on stderr what went wrong."""
    plan = plan_from(text)
    if plan.file_bytes_max is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (plan.file_bytes_max, resource.RLIM_INFINITY))
    workspace = Workspace(plan.workspace)
    try:
        config = _adapted(load_bot(workspace.bot_file(plan.bot), workspace), plan)
        summary = run_bot(workspace, config, plan.options())
    except QuarterdeckError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    sys.stdout.write(msgspec.json.encode(summary).decode() + "\n")
    return summary.exit_code


def _adapted(config: BotConfig, plan: BotPlan) -> BotConfig:
    """Let the venues have the habits of the plan, such as a validity that lets a short lease sign at all."""
    exchanges = tuple(
        msgspec.structs.replace(venue, personality=plan.personality(venue.name, venue.personality))
        for venue in config.exchanges
    )
    return msgspec.structs.replace(config, exchanges=exchanges)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
