//! What every store promises, one story per promise. The stories know nothing of any database;
//! `promises!` tells each of them once per kind of store, here on a SQLite file.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a story that fails may panic")]

mod approvals;
mod copies;
mod deliveries;
mod disk;
mod erasure;
mod farewells;
mod floods;
mod grants;
mod hitl;
mod links;
mod notices;
mod people;
mod places;
mod probes;
mod proof_tokens;
mod races;
mod record;
mod repeats;
mod sqlite;
mod time;
mod world;

/// Tells the stories of a module for every kind of store.
macro_rules! promises {
    ($($module:ident { $($promise:ident)* })*) => {
        mod on_sqlite { $(
            mod $module { $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    crate::$module::$promise::<crate::sqlite::SqliteFile>().await;
                }
            )* }
        )* }
    };
}

promises! {
    approvals {
        what_was_acknowledged_is_there_after_reopening
        a_refusal_writes_nothing
        one_persons_second_vote_does_not_count
        a_policy_is_frozen_when_it_is_asked_under
        a_consumer_is_known_only_within_its_place
        events_come_in_order_with_their_versions
        what_a_voter_was_shown_is_kept
        filters_and_cursors_find_what_they_say
        approvals_are_found_by_who_asked_who_voted_and_when
        an_overdue_approval_is_listed_as_what_silence_means
    }
    hitl {
        configs_are_kept_in_their_place
        approvals_are_counted_and_found_by_an_argument
    }
    links {
        a_link_comes_with_the_ask
        where_nobody_could_answer_by_a_link_there_is_none
    }
    proof_tokens {
        a_token_is_there_with_the_decision_and_signed_once
        a_token_is_taken_back_by_its_asker_and_with_its_approval
    }
    races {
        of_64_racing_actors_one_gives_the_outcome
        of_64_racing_consumers_one_claims
        of_100_repeated_asks_at_once_one_is_put
        of_100_asks_at_once_as_many_are_put_as_there_is_room_for
        of_two_last_owners_leaving_at_once_one_stays
        an_operation_that_fails_harms_no_other
    }
    places {
        a_foreign_approval_is_not_found_like_an_unknown_one
        a_credential_is_worth_nothing_in_another_place
        administration_reaches_only_its_own_workspace
        a_workspace_is_made_once
        a_workspace_is_made_with_all_that_it_begins_with_or_not_at_all
        a_strangers_workspace_goes_with_every_row_of_it
    }
    repeats {
        another_body_under_the_same_key_is_a_mistake
        another_credentials_same_key_never_matches
        a_repeat_gives_the_approval_as_it_is_now
        a_repeated_vote_is_not_a_second_vote
        a_revoked_key_gets_no_repeat
        a_key_is_kept_until_seven_days_after_the_end
        a_repeated_administrative_change_is_made_once
    }
    grants {
        what_was_granted_is_decided_as_it_is_asked
        of_64_asks_at_once_no_more_than_granted_are_approved
        a_grant_is_taken_back_by_its_giver_or_with_its_approval
    }
    notices {
        whoever_could_answer_is_told_once_and_after_a_crash_again
        only_who_was_told_of_it_is_told_how_it_ended
        after_a_change_everybody_who_must_answer_is_told
        a_secret_stays_with_the_server_it_was_given_for
        who_can_answer_later_is_asked_then_and_once
        a_delegation_is_looked_for_when_it_begins_and_when_it_ends
        a_channel_that_is_removed_tells_nobody_anything
    }
    farewells {
        what_stands_open_is_kept_over_a_crash_until_it_is_closed
        nothing_is_kept_for_more_than_an_hour
        a_card_that_was_on_its_way_is_closed_too
        whoever_was_asked_by_it_is_asked_by_the_next_way
        cards_of_whoever_unlinked_are_closed_by_the_way_that_is_still_there
    }
    probes {
        a_way_that_takes_nothing_is_probed_by_one_at_a_time_also_after_a_restart
        what_a_way_refuses_for_a_reason_of_its_own_shows_that_it_works
        before_a_way_is_down_each_attempt_counts
    }
    floods {
        what_is_too_much_is_told_together_and_after_a_crash_as_the_same
        a_reminder_is_planned_when_somebody_is_asked_and_survives_a_restart
        what_comes_after_a_reminder_that_failed_is_told
    }
    deliveries {
        what_was_claimed_and_not_settled_is_sent_again_as_the_same
        of_one_approval_each_waits_for_the_one_before
        who_wants_nothing_more_is_left_alone
        only_who_wants_to_be_told_is
        a_secret_sealed_anew_takes_the_place_of_the_former
        a_former_secret_signs_until_its_time_is_over_and_goes
        what_is_sent_once_more_goes_before_what_came_after
        a_receiver_that_takes_nothing_is_tried_with_one_in_half_a_minute
        whether_a_receiver_is_back_is_found_out_before_anything_is_due
        a_probe_before_its_time_costs_no_attempt
        what_never_had_a_turn_is_given_up_when_it_is_three_days_late
        what_an_asker_has_sent_somewhere_comes_with_what_was_asked
    }
    people {
        who_left_the_group_since_the_ask_cannot_vote
        the_workspaces_floor_counts_as_it_is_at_the_vote
        a_disabled_member_is_shut_out_at_once
        a_key_ends_when_it_is_revoked_or_its_time_is_over
        a_login_link_works_once
        a_link_that_somebody_else_made_opens_a_weaker_session
        a_session_is_closed_by_its_member_or_an_admin
        sessions_are_listed_while_open_and_closed_all_at_once
        a_password_is_set_by_its_member_only_and_ends_what_was_open
        the_last_owner_stays
        a_key_without_an_owner_belongs_to_whoever_made_it
        the_same_policy_saved_again_is_no_new_version
        what_is_read_is_never_older_than_what_was_acknowledged
        the_last_use_of_a_key_is_noted
    }
    record {
        the_audit_log_is_whole_and_has_one_entry_per_event
        whatever_a_question_is_called_its_entry_is_canonical
        the_audit_log_is_searched_by_kind_person_subject_and_time
        the_audit_log_holds_no_payload_comment_or_secret
        a_stored_statement_is_what_the_approval_says
        nothing_of_the_record_stands_alone
    }
    erasure {
        what_was_erased_stands_nowhere_in_the_files
        what_is_due_is_what_ended_long_enough_ago_and_is_not_held
        what_was_signed_with_a_comment_is_stated_again_without_it
        texts_that_two_were_shown_stay_for_the_other
        what_was_granted_keeps_its_words_for_as_long_as_it_stands
    }
    time {
        now_never_goes_back_when_the_clock_does
        deadlines_come_due_in_their_order
        a_vote_after_the_deadline_counts_for_nothing
        work_is_claimed_once_until_its_lease_is_over
        failed_work_waits_for_its_next_time_or_is_given_up
        changes_are_told_after_they_are_durable
        health_tells_what_waits
        a_signing_key_is_added_once
        a_change_of_the_signing_keys_is_told_to_every_workspace
    }
    disk {
        a_full_disk_refuses_what_it_cannot_keep
        on_a_disk_nearly_full_people_decide_and_nothing_new_is_asked
        nothing_is_written_to_what_was_carried_off
        a_second_server_is_refused
        a_newer_schema_is_refused
        a_closed_store_takes_no_writes
        a_failed_commit_that_was_lost_is_unknown_and_halts
        a_failed_commit_that_was_kept_is_unknown_and_halts
    }
}
