"""`quarterdeck doctor`."""

from __future__ import annotations

from quarterdeck.cli.options import JsonOption, WorkspaceOption


def doctor(*, json: JsonOption = False, workspace: WorkspaceOption = None) -> int:
    """
    Find everything that is wrong with a workspace.

    Files, limits, keys, folders, disk, clock and journals, each fault with its file and line. Exit 2 if there is a
    problem; risks are only told.
    """
    from quarterdeck.cli.doctoring import doctor_shown
    from quarterdeck.cli.places import workspace_at

    return doctor_shown(workspace_at(workspace), as_json=json)
