//! Plans: what a workspace may have as a whole, by its operator's will and nobody else's.

use std::collections::BTreeSet;

use askfirst_core::administration::{Change, Denied, Holdings, permit};
use askfirst_core::limits::plan::approvers;
use askfirst_core::*;
use serde_json::json;

use crate::stage::*;

/// A workspace with this plan.
fn under(plan: Plan) -> Holdings {
    Holdings {
        environment: Environment::Live,
        groups: [].into(),
        policies: [].into(),
        default_policy: None,
        webhooks: [].into(),
        channels: [].into(),
        hitl: [].into(),
        plan: Some(plan),
    }
}

fn room_for(approvers: u32) -> Plan {
    Plan { approvers: Some(approvers), ..Preset::Pro.plan() }
}

fn newcomer(role: Role) -> Change {
    let (id, email) = (member("eve"), "eve@example.com".into());
    Change::AddMember { id, email, name: "Eve".into(), role }
}

fn becomes(of: &str, role: Option<Role>, enabled: Option<bool>) -> Change {
    Change::UpdateMember { id: member(of), name: None, role, enabled }
}

#[test]
fn nobody_who_is_bounded_by_a_plan_gives_it() {
    let stage = Stage::new(rules(json!({})));
    let holdings = under(Preset::Free.plan());
    let pro = Change::SetPlan { plan: Some(Preset::Pro.plan()) };
    let keys = [key("admin", &Scope::ADMINISTER), bot()].map(Principal::Key);
    for who in [Principal::Session(session("ada"))].into_iter().chain(keys) {
        assert_eq!(permit(&pro, &stage.facts(who), &holdings), Err(Denied::Operators));
    }
    let console = stage.facts(Principal::System);
    assert_eq!(permit(&pro, &console, &holdings), Ok(()));
    assert_eq!(permit(&Change::SetPlan { plan: None }, &console, &holdings), Ok(()));
    for plan in [
        Plan { asks_per_month: Some(0), ..Preset::Pro.plan() },
        Plan { approvers: Some(0), ..Preset::Pro.plan() },
        Plan { audit_days: Some(0), ..Preset::Pro.plan() },
    ] {
        let none = permit(&Change::SetPlan { plan: Some(plan) }, &console, &holdings);
        assert!(matches!(none, Err(Denied::Invalid(_))), "{none:?}");
    }
}

#[test]
fn a_plan_has_room_for_so_many_who_may_vote_by_whatever_way_they_come() {
    let mut stage = Stage::new(rules(json!({})));
    // Otis, an auditor, does not vote.
    assert_eq!(approvers(&stage.roster), 7);
    let ask = |stage: &Stage, change: &Change, most: u32| {
        permit(change, &stage.facts(Principal::Session(session("ada"))), &under(room_for(most)))
    };
    let full = |told: Result<(), Denied>| match told {
        Err(Denied::OverPlan(OverPlan { what: Beyond::Approver { used, allowed }, .. })) => {
            (used, allowed)
        }
        other => panic!("{other:?}"),
    };
    for role in [Role::Approver, Role::Admin, Role::PolicyEditor, Role::Contact] {
        assert_eq!(full(ask(&stage, &newcomer(role), 7)), (7, 7), "{role:?}");
        assert_eq!(ask(&stage, &newcomer(role), 8), Ok(()), "{role:?}");
    }
    assert_eq!(ask(&stage, &newcomer(Role::Auditor), 7), Ok(()));
    assert_eq!(full(ask(&stage, &becomes("otis", Some(Role::Approver), None), 7)), (7, 7));
    stage.disable("ben");
    assert_eq!(full(ask(&stage, &becomes("ben", None, Some(true)), 6)), (6, 6));
    assert_eq!(ask(&stage, &becomes("ben", None, Some(true)), 7), Ok(()));
    // Far above it, whoever is there is changed and goes, and the console is not bounded.
    for change in [
        becomes("ana", Some(Role::PolicyEditor), None),
        becomes("ana", Some(Role::Auditor), None),
        becomes("ana", None, Some(false)),
        becomes("otis", None, Some(false)),
    ] {
        assert_eq!(ask(&stage, &change, 1), Ok(()), "{change:?}");
    }
    let console = stage.facts(Principal::System);
    assert_eq!(permit(&newcomer(Role::Approver), &console, &under(room_for(1))), Ok(()));
}

#[test]
fn a_plan_bounds_asks_where_it_is_tighter_and_says_so() {
    let all = Allowance { pending: 9, asks_per_month: 100 };
    let free = Preset::Free.plan();
    assert_eq!(free.tighten(all), (Allowance { pending: 9, asks_per_month: 50 }, true));
    let few = Allowance { asks_per_month: 20, ..all };
    assert_eq!(free.tighten(few), (few, false));
    assert_eq!(Preset::Pro.plan().tighten(all), (all, false));
    let mut stage = Stage::new(rules(json!({})));
    let asks_per_month = Gauge { used: 50, allowed: 50 };
    stage.room = Room {
        workspace: Load { asks_per_month, ..Load::default() },
        month_ends: Some(at(90)),
        plan: Some(free.name),
        ..Room::default()
    };
    let told = stage.ask(ask()).unwrap_err().to_string();
    for part in ["50 times", "its plan, free", "room again at 2030-01-01T00:01:30"] {
        assert!(told.contains(part), "{told}");
    }
}

#[test]
fn a_preset_is_found_by_its_name_and_smaller_than_the_next() {
    for preset in Preset::ALL {
        assert_eq!(Preset::called(preset.as_str()), Some(preset));
        assert_eq!(preset.plan().name.to_string(), preset.as_str());
        assert_eq!(preset.plan().problems(), []);
    }
    assert_eq!(Preset::called("none"), None);
    for bad in ["none", "", "Free", "a b", &"x".repeat(65)] {
        assert!(bad.parse::<PlanName>().is_err(), "{bad}");
    }
    let mail = Some(BTreeSet::from(["email".to_owned()]));
    assert_eq!(Preset::Free.plan().channels, mail);
    assert!(Preset::Free.plan().room_for_channel("email").is_ok());
    let told = Preset::Free.plan().room_for_channel("slack").unwrap_err().to_string();
    assert!(told.contains("free, has no slack channel; it has email"), "{told}");
}
