//! A sample of the page of keys.

use std::collections::BTreeMap;

use askfirst_core::{
    Dialect, Environment, KeyFacts, KeyId, KeyLimits, PolicyAllowance, Role, Roster, Scope,
    Standing,
};
use askfirst_store::{Key, Place};

use super::super::keys::KeysPage;
use super::{WorkspaceId, ana, moment, person, signed_in};

fn key(id: u128, label: &str, dialect: Dialect, scope: Scope, standing: Standing) -> Key {
    let names = ["deploys".parse().unwrap()];
    let policies = PolicyAllowance::Only(match dialect {
        Dialect::Native => [].into(),
        Dialect::Ambedo | Dialect::Proof | Dialect::Holdon => names.into(),
    });
    let environment = Environment::Dev;
    Key {
        place: Place { workspace: WorkspaceId::from_bits(2), environment },
        facts: KeyFacts {
            id: KeyId::from_bits(id),
            label: label.into(),
            owner: ana().id,
            member: (scope == Scope::Decide).then(|| ana().id),
            scopes: [scope].into(),
            policies,
            environment,
            dialect,
            limits: KeyLimits::default(),
            standing,
        },
        hint: format!("{}_dev_0aB1", dialect.key_prefix()),
        created_at: moment(0),
        expires_at: (scope == Scope::Ask).then(|| moment(90_000)),
        revoked_at: None,
        callback_url: (dialect == Dialect::Holdon).then(|| "https://ci.example.com/<b>".into()),
        last_used_at: (scope == Scope::Ask).then(|| moment(40)),
    }
}

impl KeysPage {
    pub(super) fn sample() -> Self {
        let mut by = signed_in();
        by.viewer.member.person.role = Role::Admin;
        let people = [(ana().id, person("ana@example.com", "Ana"))];
        let roster = Roster { people: BTreeMap::from(people), ..Roster::default() };
        let keys = [
            key(41, "agent", Dialect::Ambedo, Scope::Ask, Standing::Good),
            key(42, "<b>cli\u{202e}", Dialect::Native, Scope::Decide, Standing::Good),
            key(43, "ci", Dialect::Native, Scope::Ask, Standing::Revoked),
            key(44, "wires", Dialect::Holdon, Scope::Ask, Standing::Good),
        ];
        Self::new(&by, &keys, &roster, true)
    }
}
