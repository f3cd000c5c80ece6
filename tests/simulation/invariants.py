"""
The list of invariants: what each says, when it is looked at, the rules by which its checkers speak, and what proves it.

A checker names its rule in `require(holds, "I9", ...)` or in a `Breach`. That it can fail is shown by a bug put in on
purpose which breaks it (`found.py`), or by a test that hands it something broken.
"""

from dataclasses import dataclass

HERE = "tests/simulation"
AUDITOR = "tests/engine/auditor.py"
PLANTED = f"{HERE}/test_invariants.py"


@dataclass(frozen=True)
class Invariant:
    """
    One invariant.

    `rules` are the names under which `files` check it; `tests` show that a checker can fail, or hold it elsewhere.
    """

    what: str
    when: str
    rules: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()


def _here(*names: str) -> tuple[str, ...]:
    return tuple(f"{HERE}/{name}.py" for name in names)


def _planted(*names: str) -> tuple[str, ...]:
    return tuple(f"{PLANTED}::test_{name}" for name in names)


INVARIANTS: dict[str, Invariant] = {
    "I1": Invariant(
        "no intent has two orders on a venue, nothing is signed or accepted twice",
        "each signature and acceptance",
        ("I1",),
        (*_here("door"), AUDITOR),
    ),
    "I2": Invariant("a durable intent stands before every order", "each signature", ("I2",), _here("door", "durable")),
    "I3": Invariant(
        "nothing is signed while halted, killed, too late, beyond the lease, or on an account not compared",
        "each signature",
        ("I3",),
        _here("door"),
    ),
    "I4": Invariant(
        "after a kill nothing decided later opens at a venue; what came before ends or counts as unresolved in time",
        "each acceptance, and at a last kill",
        ("I4", "kill"),
        (*_here("door", "last_kill"), AUDITOR),
        _planted("i4_an_opening_decided_after_a_kill_may_not_reach_a_venue"),
    ),
    "I5": Invariant(
        "one epoch sends and writes; the request of a superseded owner is never accepted",
        "each signature and acceptance",
        ("I5", "I3"),
        (*_here("door"), AUDITOR),
        _planted("i5_a_process_of_an_older_epoch_may_not_sign"),
    ),
    "I6": Invariant(
        "an order ends as rejected, not placed or cancelled only on evidence",
        "each row",
        ("I6", "not placed", "graph"),
        (AUDITOR,),
    ),
    "I7": Invariant(
        "what was taken back is not sent, and no order fills beyond its quantity",
        "each signature, each row",
        ("I7",),
        _here("door", "promises"),
        _planted("i7_an_order_that_was_taken_back_may_not_be_signed", "i7_an_order_may_not_fill_beyond_its_quantity"),
    ),
    "I8": Invariant(
        "a position has at most one living stop, and is not without it for longer than declared",
        "each plan, and at rest",
        ("I8",),
        _here("durable", "cover"),
        _planted("i8_a_position_left_naked_is_found"),
    ),
    "I9": Invariant(
        "what is sent is what was judged, on the venue's grid and within its bounds",
        "each signature",
        ("I9",),
        _here("door"),
        _planted("i9_another_quantity_than_the_judged_one_may_not_be_signed"),
    ),
    "I10": Invariant(
        "each guardrail holds in the worst case, and says what a second judge says",
        "each planned and each refused order",
        ("I10", *(f"G{number}" for number in range(1, 11)), *(f"E{number}" for number in range(1, 14))),
        (*_here("promises"), "tests/engine/audited_limits.py", AUDITOR),
    ),
    "I11": Invariant(
        "what cannot be evaluated opens nothing",
        "each planned order",
        ("I11",),
        _here("promises"),
        _planted("i11_an_opening_without_a_number_is_found"),
    ),
    "I12": Invariant(
        "a tightened limit binds at once, a loosened one reaches no earlier intent",
        "each row",
        ("I12",),
        _here("promises"),
    ),
    "I13": Invariant(
        "daily loss, drawdown and their peaks follow from the marks of the journal, digit for digit",
        "each row, and every 200 rows",
        ("I13", "index", "marks", "day", "trips"),
        (*_here("thorough"), "tests/engine/audited_losses.py", "tests/engine/audited_holds.py"),
        _planted("i13_a_figure_that_its_marks_do_not_give_is_found"),
    ),
    "I14": Invariant("exits wait for no loss, cooldown, count or share", "each row", ("I14",), _here("promises")),
    "I15": Invariant(
        "requests stay within the venue's own counter, and cancels always have room",
        "each request",
        ("I15",),
        _here("door"),
        _planted("i15_a_request_beyond_the_counter_is_found"),
    ),
    "I16": Invariant(
        "paper opens no private connection and loads no key",
        "elsewhere",
        tests=("tests/architecture/test_contracts.py::test_every_contract_is_kept",),
    ),
    "I17": Invariant(
        "every trade of the venues is in the journal once",
        "each row, and at rest",
        ("I17", "fills"),
        (*_here("settling"), AUDITOR),
    ),
    "I18": Invariant(
        "an account differs from the books by what others did there alone", "each row", ("I18",), _here("promises")
    ),
    "I19": Invariant(
        "cash, positions, fees and funding are conserved to the last digit",
        "each row, every 200 rows, and at rest",
        ("I19", "conservation", "reserve"),
        (*_here("thorough", "settling"), "tests/engine/audited_books.py", AUDITOR),
    ),
    "I20": Invariant(
        "what filled only grows, states move along the graph, late fills count",
        "each row, and every 200 rows",
        ("I20", "graph", "reported"),
        (*_here("thorough"), AUDITOR),
        _planted("i20_an_order_that_filled_twice_over_is_found"),
    ),
    "I21": Invariant(
        "the bot believes no more to be free than there is, and sells no more than it holds",
        "every 200 rows, and at rest",
        ("I21", "G10"),
        (*_here("thorough", "settling"), AUDITOR),
        _planted("i21_goods_sold_twice_are_found"),
    ),
    "I22": Invariant(
        "reconciling sends nothing, and twice is once",
        "each row, and at rest",
        ("I22",),
        (*_here("durable", "settling"), AUDITOR),
        ("tests/engine/test_auditor.py::test_a_reconciliation_that_sends_is_found",),
    ),
    "I23": Invariant(
        "replay gives the same state, from zero and from every snapshot",
        "each start, every 200 rows, and at rest",
        ("I23",),
        _here("durable", "settling", "thorough"),
    ),
    "I24": Invariant(
        "the same seed gives the same journal; a paced run plans the orders of one at full speed",
        "elsewhere",
        tests=(
            f"{HERE}/test_simulation.py::test_the_same_seed_gives_the_same_journal_whatever_the_hash_seed",
            "tests/system/test_run.py::test_a_paced_run_plans_the_orders_of_a_run_at_full_speed",
        ),
    ),
    "I25": Invariant(
        "a crash at any byte loses nothing acknowledged; a torn end is seen",
        "at crashes",
        ("I25",),
        _here("torn_tail"),
        (
            "tests/journal/test_wal.py::test_a_wal_cut_anywhere_leaves_whole_transactions_that_verify_and_go_on",
            "tests/journal/test_wal.py::test_a_row_is_never_lost_to_a_changed_byte_without_a_word",
        ),
    ),
    "I26": Invariant(
        "state follows from the order of the journal alone",
        "elsewhere",
        tests=(f"{HERE}/test_simulation.py::test_the_same_seed_gives_the_same_journal_whatever_the_hash_seed",),
    ),
    "I27": Invariant(
        "a start after a crash walks the path of any start",
        "always: there is one path, `system.Session`",
        tests=(f"{HERE}/test_simulation.py::test_two_hundred_worlds_keep_every_invariant",),
    ),
    "I28": Invariant(
        "a journal that fails sends nothing more, and the kill still works",
        "each signature",
        ("I28",),
        _here("door"),
        _planted("i28_a_process_whose_journal_failed_may_not_sign"),
    ),
    "I29": Invariant("everything comes right in time once the faults end", "liveness phase", ("I29",), _here("world")),
    "I30": Invariant(
        "the bot comes to agree with its venues about every order and lot",
        "liveness phase, and at rest",
        ("I29", "I17"),
        _here("world", "settling"),
    ),
    "I31": Invariant(
        "every request has one durable answer",
        "each row, and at rest",
        ("I31",),
        _here("promises", "settling"),
        (
            *_planted("i31_a_second_answer_is_found"),
            "tests/journal/test_inbox.py::test_asking_twice_is_asking_once_even_after_it_was_done",
        ),
    ),
    "I32": Invariant(
        "a new leader is active within a lease",
        "each start",
        ("I32",),
        _here("ownership"),
        _planted("i32_a_free_bot_that_nobody_gets_is_found", "i32_a_lease_that_lasts_too_long_is_found"),
    ),
    "I33": Invariant(
        "memory, queues and handles stay bounded",
        "every 200 rows, and in a soak",
        ("I33",),
        _here("thorough", "soak"),
        (
            *_planted("i33_a_state_that_remembers_too_much_is_found"),
            f"{HERE}/test_soak.py::test_i33_what_grows_is_found",
            f"{HERE}/test_soak.py::test_a_week_leaves_no_more_behind_than_two_days",
        ),
    ),
    "I34": Invariant(
        "what fails holds up nothing else",
        "each cycle",
        ("I34",),
        _here("promises"),
        _planted("i34_a_cycle_that_waited_is_found"),
    ),
}
