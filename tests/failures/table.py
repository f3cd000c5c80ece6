"""
The bugs of others, by their number in the reliability study: what went wrong there, and the tests that hold here.

Tests of a number lie in this folder, or in `tests/requirements/test_r_lines.py`. `test_table.py` holds this table
complete.
"""

from typing import NamedTuple


class Bug(NamedTuple):
    """What went wrong for somebody, and the tests by which it cannot here."""

    fault: str
    tests: tuple[str, ...]


TABLE: dict[str, Bug] = {
    "R1": Bug(
        "A timeout was taken for a failure; duplicates were left at the venue.",
        ("test_r01_a_timeout_is_unknown_and_brings_no_second_order_for_the_intent",),
    ),
    "R2": Bug(
        "Ordering again after a timeout bought twice.",
        ("test_r02_nothing_sends_an_order_again_neither_time_nor_news_nor_a_restart",),
    ),
    "R3": Bug(
        "An order lived after a timeout, and no id to search it by was known.",
        ("test_r03_an_order_that_arrives_is_in_the_journal_already_and_is_found_by_its_id",),
    ),
    "R4": Bug(
        "An order had filled before anybody looked, and seemed not to exist.",
        (
            "test_r04_an_order_that_filled_before_the_check_is_found_in_the_trades",
            "test_r04_where_trades_are_late_too_the_balance_alone_keeps_the_order_from_being_taken_for_never_placed",
        ),
    ),
    "R5": Bug(
        "An overloaded venue's answer to a create was taken for a rejection, or for an order.",
        (
            "test_r05_an_overload_is_neither_a_rejection_nor_an_order",
            "test_r05_every_refusal_of_a_venue_is_definite_but_for_an_id_that_it_knows",
        ),
    ),
    "R6": Bug(
        'A second create of an accepted order was answered "duplicate id", and the order taken for rejected.',
        (
            "test_r06_a_duplicate_id_says_that_the_order_exists_and_rejects_nothing",
            "test_r06_an_acceptance_that_was_pushed_outlives_the_timeout_of_its_reply",
        ),
    ),
    "R7": Bug(
        "A timeout in flight became a rejection, and its fill an orphan.",
        ("test_r07_an_in_flight_timeout_never_becomes_rejected",),
    ),
    "R8": Bug(
        "A request never arrived, and its order was asked for without end.",
        ("test_r08_a_request_that_never_arrived_ends_as_not_placed_and_is_asked_for_no_more",),
    ),
    "R9": Bug(
        '"No such order", right after the create, dropped a living order.',
        (
            "test_r09_that_an_order_does_not_exist_right_after_its_create_proves_nothing",
            "test_r09_an_acknowledged_order_is_not_dropped_because_a_query_does_not_find_it",
        ),
    ),
    "R10": Bug(
        'An outage was counted as "not found": six accepted sells were dropped.',
        ("test_r10_an_outage_is_no_evidence_about_any_order",),
    ),
    "R11": Bug(
        "An acknowledgement after ten seconds belonged to nobody.",
        (
            "test_r11_an_acknowledgement_that_comes_much_too_late_is_still_that_order",
            "test_r11_an_order_that_was_proven_absent_and_lives_after_all_is_told_and_booked",
        ),
    ),
    "R12": Bug(
        "A sell and its cancel both timed out, and the goods were sold twice.",
        ("test_r12_a_sell_and_its_cancel_that_both_timed_out_reserve_both_outcomes",),
    ),
    "R13": Bug(
        "A cancel overtook its create, which was sent afterwards.",
        (
            "test_r13_a_cancel_of_an_order_that_was_not_sent_yet_removes_it",
            "test_r13_a_cancel_that_overtook_its_create_is_asked_for_again",
        ),
    ),
    "R14": Bug(
        "A post timed out, the order filled, and no stream told of it.",
        ("test_r14_without_any_stream_the_position_is_known_all_the_same",),
    ),
    "R15": Bug(
        "HTTP 200 carried an error, and was taken for an order.",
        (
            "test_r15_an_answer_that_is_no_answer_leaves_the_order_ambiguous",
            "test_r15_an_order_that_was_only_received_is_not_accepted_yet",
        ),
    ),
    "R16": Bug(
        "A fill was never delivered, and the order believed to be open.",
        (
            "test_r16_fills_that_no_stream_told_of_are_pulled_from_the_cursor_on",
            "test_r16_an_order_that_the_venue_forgot_is_not_believed_open_for_ever",
            "test_r16_after_each_reconnect_the_adapter_asks_for_the_trades_that_it_missed",
        ),
    ),
    "R17": Bug(
        "A reconnect replayed fills, which were booked again.",
        (
            "test_r17_a_trade_counts_once_however_often_and_whenever_it_is_told",
            "test_r17_a_trade_of_an_order_that_was_put_aside_long_ago_is_set_aside_too",
        ),
    ),
    "R18": Bug(
        "An inferred fill and the real one were both counted.",
        ("test_r18_a_real_fill_takes_the_place_of_the_inferred_one",),
    ),
    "R19": Bug(
        "A trade after the end of its order was refused, or was fatal.",
        (
            "test_r19_a_trade_after_the_confirmed_cancel_is_booked",
            "test_r19_what_a_venue_fills_beyond_the_order_is_booked_and_told_and_no_panic",
        ),
    ),
    "R20": Bug(
        "A modification raced a partial fill, and more was bought than wanted.",
        ("test_r20_no_order_is_ever_modified_and_no_race_fills_beyond_its_quantity",),
    ),
    "R21": Bug(
        "After a partial fill and a cancel, more was sold than was held.",
        ("test_r21_an_exit_sells_what_is_held_and_never_what_was_once_ordered",),
    ),
    "R22": Bug(
        "The fee was taken in the coin, and the sale was too large.",
        (
            "test_r22_with_the_fee_taken_in_the_coin_the_whole_position_can_be_sold",
            "test_r22_no_more_is_sold_than_the_fills_left_after_fees_floored_to_the_lot",
        ),
    ),
    "R23": Bug(
        "A remainder below the minimum blocked its slot for ever.",
        ("test_r23_an_exit_that_would_leave_dust_is_refused_and_dust_holds_no_slot",),
    ),
    "R24": Bug(
        "A cancel was confirmed, and the funds were not free yet.",
        ("test_r24_money_that_a_venue_frees_late_brings_the_same_wish_again_and_never_a_larger_one",),
    ),
    "R25": Bug(
        "An overloaded venue got several stop orders for one position.",
        (
            "test_r25_an_overloaded_venue_never_gets_a_second_stop_order_for_a_position",
            "test_r25_what_grows_or_shrinks_has_one_stop_order_again",
        ),
    ),
    "R26": Bug(
        "A status without a mapping.",
        (
            "test_r26_a_status_without_a_meaning_ends_no_order_and_is_told",
            "test_r26_a_status_that_nobody_knows_ends_no_order",
        ),
    ),
    "R27": Bug(
        "A locked database lost a filled order.",
        ("test_r27_readers_hold_up_nothing_and_a_lock_that_stays_ends_the_bot_without_losing_a_fill",),
    ),
    "R28": Bug(
        "A full disk ended the process, and nobody could sell.",
        (
            "test_r28_with_a_disk_that_takes_no_more_the_bot_cancels_and_ends_and_the_kill_switch_still_works",
            "test_r28_with_little_room_left_on_the_disk_only_exits_pass_until_a_person_made_some",
        ),
    ),
    "R29": Bug(
        "Working orders were dropped by a restart.",
        (
            "test_r29_orders_that_work_are_in_hand_after_a_restart_before_anything_is_opened",
            "test_r29_who_takes_over_without_a_handover_opens_nothing_until_the_other_can_send_no_more",
            "test_r29_an_order_with_our_mark_that_the_journal_does_not_know_is_told",
        ),
    ),
    "R30": Bug(
        "Stop and target were lost by a restart.",
        (
            "test_r30_a_stop_order_is_the_same_one_after_a_restart",
            "test_r30_a_crash_between_the_fill_and_its_stop_order_leaves_no_position_naked",
            "test_r30_what_protects_a_position_is_there_again_after_a_restart_and_nothing_is_bought_anew",
        ),
    ),
    "R31": Bug(
        "Each restart gave the same synthetic fill another id.",
        ("test_r31_the_same_inference_has_the_same_id_in_every_session",),
    ),
    "R32": Bug(
        "Reconciliation itself made orders.",
        ("test_r32_reconciliation_sends_nothing_and_twice_is_once",),
    ),
    "R33": Bug(
        "A mismatch was logged and traded over.",
        ("test_r33_a_difference_that_nothing_explains_stops_opening_and_is_told",),
    ),
    "R34": Bug(
        "A person traded by hand, and the bot tried for ever, or sold what was not there.",
        (
            "test_r34_what_a_person_sold_by_hand_is_not_sold_again_and_not_tried_for_ever",
            "test_r34_orders_of_others_on_the_account_are_neither_cancelled_nor_counted",
        ),
    ),
    "R35": Bug(
        "A second instance sent orders.",
        (
            "test_r35_a_second_process_sends_nothing_and_a_paused_owner_that_wakes_too_late_neither",
            "test_r35_who_lost_the_bot_can_neither_write_nor_sign",
        ),
    ),
    "R36": Bug(
        "Orders were sent during or after a stop.",
        (
            "test_r36_after_a_kill_no_process_sends_anything_neither_at_once_nor_after_a_restart",
            "test_r36_a_kill_binds_an_order_that_was_decided_already",
            "test_r36_nothing_is_sent_after_a_kill_and_what_appears_is_cancelled",
            "test_r36_a_kill_sweeps_what_carries_our_mark_until_the_venue_is_proven_empty",
            "test_r36_nothing_is_decided_once_the_bot_was_asked_to_stop",
        ),
    ),
    "R37": Bug(
        "A stopped container left orders open.",
        (
            "test_r37_sigterm_cancels_what_works_before_the_process_ends",
            "test_r37_a_stop_follows_the_policy_and_the_next_session_has_every_order_in_hand",
            "test_r37_a_venue_that_is_silent_does_not_hold_up_the_end_beyond_its_deadline",
        ),
    ),
    "R38": Bug(
        "The kill switch raised an error, and trading went on.",
        (
            "test_r38_a_switch_that_broke_while_the_bot_trades_ends_trading_within_a_second",
            "test_r38_a_kill_file_that_is_broken_stops_trading_as_one_that_is_raised_does",
            "test_r38_a_loss_limit_without_data_neither_trips_nor_lets_anything_be_opened",
            "test_r38_a_bot_that_never_traded_has_nothing_to_trip_on",
        ),
    ),
    "R39": Bug(
        "Signals of one instant all saw position zero.",
        (
            "test_r39_wishes_of_one_instant_each_see_what_those_before_them_took",
            "test_r39_signals_of_one_instant_see_what_the_one_before_took",
        ),
    ),
    "R40": Bug(
        "One side of the book stood still, and it crossed.",
        ("test_r40_on_a_book_of_which_one_side_stands_still_nothing_is_opened",),
    ),
    "R41": Bug(
        "A socket fell silent without an error.",
        ("test_r41_a_feed_that_falls_silent_without_an_error_opens_nothing_though_the_venue_answers",),
    ),
    "R43": Bug(
        "A bar that had not closed was decided on.",
        (
            "test_r43_a_bar_counts_once_it_has_closed_and_a_later_version_of_it_changes_nothing_that_was_decided",
            "test_r43_a_bar_that_closed_this_instant_is_not_stale_and_one_that_is_open_is_not_read",
        ),
    ),
    "R44": Bug(
        "Candles were days old.",
        ("test_r44_a_series_that_stays_away_is_told_and_nothing_is_opened_on_its_last_price",),
    ),
    "R45": Bug(
        "Rows were missing, unordered or without a price.",
        ("test_r45_rows_are_sorted_repeated_ones_dropped_gaps_counted_and_zero_is_no_price",),
    ),
    "R46": Bug(
        "A stop was not a number.",
        (
            "test_r46_nothing_that_is_not_finite_leaves_a_strategy",
            "test_r46_a_position_keeps_its_stop_whatever_a_price_says",
        ),
    ),
    "R47": Bug(
        "A delisted pair was priced at zero.",
        ("test_r47_a_market_priced_at_zero_is_no_price_and_stops_no_other_pair",),
    ),
    "R48": Bug(
        "A token was renamed.",
        ("test_r48_a_token_that_is_renamed_is_frozen_and_a_person_is_asked_once",),
    ),
    "R49": Bug(
        "A day began at local midnight, and moved with the clocks.",
        (
            "test_r49_no_local_midnight_and_no_change_of_clocks_moves_the_day",
            "test_r49_the_seven_days_roll_minute_by_minute",
        ),
    ),
    "R50": Bug(
        "A refusal for the rate was ignored, and a ban followed.",
        (
            "test_r50_a_bot_that_wants_more_than_a_venue_hears_keeps_below_its_limit",
            "test_r50_a_refusal_for_the_rate_is_obeyed_and_nothing_is_opened_until_the_venue_hears_again",
            "test_r50_during_a_ban_nothing_is_asked_and_nothing_opened_there",
        ),
    ),
    "R51": Bug(
        "Status polls used up the counter that orders needed.",
        ("test_r51_where_little_may_be_asked_cancels_go_first_then_questions_and_exits_and_entries_last",),
    ),
    "R52": Bug(
        "The clock was off.",
        ("test_r52_beyond_half_a_second_of_skew_nothing_is_opened_and_exits_pass",),
    ),
    "R53": Bug(
        "The same rejection came 300,000 times.",
        (
            "test_r53_orders_without_funds_end_after_three_and_each_rejection_reads_the_account",
            "test_r53_the_same_rejection_for_ever_is_three_rejections",
            "test_r53_three_identical_rejections_open_the_breaker_and_each_asks_for_the_balance",
        ),
    ),
    "R54": Bug(
        "The minimum was held against another quantity than was sent.",
        (
            "test_r54_what_was_judged_is_what_is_sent",
            "test_r54_the_minimum_is_held_against_the_order_after_rounding_not_against_the_wish",
        ),
    ),
    "R55": Bug(
        "Maintenance emptied the list of markets.",
        ("test_r55_an_empty_list_of_markets_replaces_no_good_one",),
    ),
    "R56": Bug(
        "A stop was not placed: emergency exit, or liquidation before it.",
        (
            "test_r56_a_stop_that_the_venue_refuses_is_tried_again_with_patience_and_then_the_position_is_sold",
            "test_r56_a_refusal_that_ends_in_time_sells_nothing",
            "test_r56_a_stop_whose_request_was_lost_is_proven_absent_and_placed_again_within_the_naked_time",
            "test_r56_every_part_of_an_entry_that_fills_is_covered",
        ),
    ),
    "R59": Bug(
        "A guard of losses was blind to open ones.",
        ("test_r59_open_losses_fees_and_funding_count_and_the_figures_are_told",),
    ),
    "R61": Bug(
        "A market order in a thin book filled far off the price.",
        ("test_r61_an_order_that_would_eat_far_into_a_thin_book_is_refused",),
    ),
    "R62": Bug(
        "An outage of the messenger stopped the bot.",
        ("test_r62_a_log_that_takes_no_line_stops_nobody",),
    ),
    "R63": Bug(
        "Memory grew for days, until the process was killed.",
        ("test_r63_the_state_of_a_bot_that_trades_for_days_does_not_grow",),
    ),
    "R64": Bug(
        "The loop was starved by a strategy.",
        (
            "test_r64_a_strategy_that_does_not_answer_in_time_holds_and_holds_nobody_up",
            "test_r64_after_the_loop_was_held_up_nothing_is_opened",
            "test_r64_a_bar_that_is_worked_through_too_late_opens_nothing",
        ),
    ),
    "R65": Bug(
        "Old alerts were replayed as orders.",
        (
            "test_r65_a_wish_that_is_told_again_is_one_order_whoever_lived_in_between",
            "test_r65_a_wish_that_is_told_again_when_everything_about_it_was_put_aside_brings_no_second_order",
        ),
    ),
}
