//! Why this exists: all judgement about two users of PostgreSQL is in this one pure comparison.
//!
//! What is given comes before what is taken, and all of it is one transaction, so that the
//! application, which is logged in as the current user, loses nothing at any moment.

use super::super::AlternateSpec;
use super::{ByDefault, Held, Pair, User};
use crate::roles::change::{Attribute, Grantee, Object, RoleChange, Scope, SettingValue};
use crate::roles::postgres::PostgresRole;
use std::collections::{BTreeMap, BTreeSet};

/// With one of these a user could change the other's password, or anything else.
const TOO_MIGHTY: [Attribute; 2] = [Attribute::Superuser, Attribute::CreateRole];

/// The right to pass privileges on, among the privileges of a change.
const GRANT_OPTION: &str = "GRANT OPTION";

/// What is to be changed; or everything that makes the wish impossible.
pub(in crate::roles::alternate) fn plan(
    pair: &Pair,
    wanted: &AlternateSpec,
    master: &str,
) -> Result<Vec<RoleChange>, Vec<String>> {
    let Some(current) = &pair.current else {
        return Err(vec![format!("there is no user {:?} to be like", wanted.current)]);
    };
    let faults = faults(pair, current, wanted, master);
    if !faults.is_empty() {
        return Err(faults);
    }
    let planner = Planner { pair, wanted, current };
    let mut changes = Vec::new();
    planner.owner(&mut changes);
    planner.alternate(&mut changes);
    planner.memberships_of_the_owner(&mut changes);
    planner.privileges_of_the_owner(&mut changes);
    planner.defaults(&mut changes);
    planner.way_in(&wanted.current, Some(current), &mut changes);
    planner.way_in(&wanted.alternate, pair.alternate.as_ref(), &mut changes);
    planner.revokes(&mut changes);
    Ok(changes)
}

fn faults(pair: &Pair, current: &User, wanted: &AlternateSpec, master: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let name = &wanted.current;
    for attribute in TOO_MIGHTY {
        if current.role.attributes.contains(&attribute) {
            let keyword = attribute.keyword();
            faults.push(format!(
                "{name:?} is {keyword} and could change the password of {:?}; take it away, or rotate \
                 it as a single user",
                wanted.alternate
            ));
        }
    }
    if current.role.member_of.contains_key(master) {
        faults.push(format!("{name:?} is a member of the master {master:?}; end that membership"));
    }
    let owner = &pair.owner_name;
    if pair.owner.as_ref().is_some_and(|owner| owner.attributes.contains(&Attribute::Login))
        && wanted.owner.is_none()
    {
        faults.push(format!("{name:?} becomes {owner:?} at login, which is a login itself"));
    }
    if [name, &wanted.alternate].contains(&owner) || owner == master {
        faults.push(format!("{owner:?} cannot be the owner of what both users make"));
    }
    if current.role.becomes.as_ref() != Some(owner) && !pair.elsewhere.is_empty() {
        let others: Vec<String> = pair.elsewhere.iter().map(|name| format!("{name:?}")).collect();
        faults.push(format!(
            "{name:?} works in the databases {} as well, and two users can share the objects of one \
             database only; rotate it as a single user",
            others.join(", ")
        ));
    }
    faults
}

struct Planner<'a> {
    pair: &'a Pair,
    wanted: &'a AlternateSpec,
    current: &'a User,
}

impl Planner<'_> {
    /// AWS's template makes the second user a member of the first, and the two may have changed
    /// places since: then what the alternate user may is what the current one lives on.
    fn lives_on_the_alternate(&self) -> bool {
        self.current.role.member_of.contains_key(&self.wanted.alternate)
    }

    /// Whether what this user holds is to be held by the owner. What only the alternate user holds
    /// is too much.
    fn counts(&self, user: &str) -> bool {
        user == self.wanted.current
            || (user == self.wanted.alternate && self.lives_on_the_alternate())
    }

    fn is_one_of_us(&self, role: &str) -> bool {
        role == self.wanted.current || role == self.wanted.alternate || role == self.pair.owner_name
    }

    fn users(&self) -> [(&str, Option<&User>); 2] {
        [
            (&self.wanted.current, Some(self.current)),
            (&self.wanted.alternate, self.pair.alternate.as_ref()),
        ]
    }

    fn owner(&self, changes: &mut Vec<RoleChange>) {
        let name = &self.pair.owner_name;
        let Some(owner) = &self.pair.owner else {
            changes.push(RoleChange::CreateOwner { owner: name.clone() });
            return;
        };
        let take: BTreeSet<_> =
            owner.attributes.iter().filter(|held| **held != Attribute::Inherit).copied().collect();
        if !take.is_empty() {
            let give = BTreeSet::new();
            changes.push(RoleChange::SetAttributes { role: name.clone(), give, take });
        }
    }

    fn alternate(&self, changes: &mut Vec<RoleChange>) {
        let name = || self.wanted.alternate.clone();
        let nobody = User {
            role: PostgresRole {
                attributes: BTreeSet::from([Attribute::Inherit, Attribute::Login]),
                ..PostgresRole::default()
            },
            ..User::default()
        };
        let alternate = self.pair.alternate.as_ref().unwrap_or(&nobody);
        if self.pair.alternate.is_none() {
            changes.push(RoleChange::CreateLogin { role: name() });
        } else if !alternate.role.password_opens {
            changes.push(RoleChange::SetPassword { role: name() });
        }
        let mut like = self.current.role.attributes.clone();
        like.extend([Attribute::Inherit, Attribute::Login]);
        changes.extend(attributes(&self.wanted.alternate, &alternate.role, &like));
        // Without inheriting from the owner it could not even connect.
        let mut own = self.current.role.attributes.clone();
        own.insert(Attribute::Inherit);
        changes.extend(attributes(&self.wanted.current, &self.current.role, &own));
        let limit = self.current.role.connection_limit;
        if alternate.role.connection_limit != limit {
            changes.push(RoleChange::LimitConnections { role: name(), limit });
        }
        if alternate.role.expires {
            changes.push(RoleChange::Reactivate { role: name() });
        }
        self.settings(alternate, changes);
    }

    fn settings(&self, alternate: &User, changes: &mut Vec<RoleChange>) {
        let mut configure =
            |setting: &str, database: &Option<String>, value: Option<&SettingValue>| {
                changes.push(RoleChange::Configure {
                    role: self.wanted.alternate.clone(),
                    setting: setting.to_owned(),
                    value: value.cloned(),
                    database: database.clone(),
                });
            };
        for (at, value) in &self.current.settings {
            if alternate.settings.get(at) != Some(value) {
                configure(&at.0, &at.1, Some(value));
            }
        }
        for at in alternate.settings.keys().filter(|at| !self.current.settings.contains_key(*at)) {
            configure(&at.0, &at.1, None);
        }
    }

    /// What the users are members of, the owner becomes a member of.
    fn memberships_of_the_owner(&self, changes: &mut Vec<RoleChange>) {
        let nothing = BTreeMap::new();
        let has = self.pair.owner.as_ref().map_or(&nothing, |owner| &owner.member_of);
        let member = || self.pair.owner_name.clone();
        let mut joined = BTreeSet::new();
        for (name, user) in self.users() {
            let Some(user) = user.filter(|_| self.counts(name)) else { continue };
            for (of, membership) in &user.role.member_of {
                if self.is_one_of_us(of) || !joined.insert((of, membership.admin)) {
                    continue;
                }
                if !has.get(of).is_some_and(|has| has.usable) {
                    changes.push(RoleChange::GrantMembership { member: member(), of: of.clone() });
                }
                if membership.admin && !has.get(of).is_some_and(|has| has.admin) {
                    changes.push(RoleChange::GrantAdminOption { member: member(), of: of.clone() });
                }
            }
        }
    }

    /// What the users may do with the objects of others, the owner may do.
    fn privileges_of_the_owner(&self, changes: &mut Vec<RoleChange>) {
        let owner = &self.pair.owner_name;
        let mut grants: BTreeMap<(Object, bool), BTreeSet<String>> = BTreeMap::new();
        for held in &self.pair.held {
            // What belongs to one of us belongs to the owner in a moment.
            if !self.counts(&held.grantee) || self.is_one_of_us(&held.owner) {
                continue;
            }
            let has = self.pair.held.iter().any(|other| {
                other.grantee == *owner
                    && other.kind == held.kind
                    && other.identity == held.identity
                    && other.column == held.column
                    && other.privilege == held.privilege
                    && (other.grantable || !held.grantable)
            });
            if !has {
                let object = self.object(held);
                let privileges = grants.entry((object, held.grantable)).or_default();
                privileges.insert(held.privilege.clone());
            }
        }
        for ((object, grantable), mut privileges) in grants {
            if grantable {
                privileges.insert(GRANT_OPTION.to_owned());
            }
            let to = Grantee::Role(owner.clone());
            changes.push(RoleChange::Grant { to, on: Scope::Object(object), privileges });
        }
    }

    /// The object as GRANT and REVOKE name it. Whatever one of us granted on an object of ours is
    /// granted by the owner once the object is the owner's.
    fn object(&self, held: &Held) -> Object {
        let owner_grants = self.is_one_of_us(&held.owner) && self.is_one_of_us(&held.grantor);
        Object {
            kind: held.kind.clone(),
            identity: held.identity.clone(),
            column: held.column.clone(),
            grantor: if owner_grants { &self.pair.owner_name } else { &held.grantor }.clone(),
        }
    }

    /// What others will create for the users, they will create for the owner; and what the users
    /// would have let others do with their objects, the owner lets them do with its own. The latter
    /// is done once: afterwards the owner's word counts.
    fn defaults(&self, changes: &mut Vec<RoleChange>) {
        let owner = &self.pair.owner_name;
        let first_time = self.current.role.becomes.as_ref() != Some(owner);
        let mut give = BTreeSet::new();
        let mut take = BTreeSet::new();
        for seen in &self.pair.by_default {
            let of_ours = self.is_one_of_us(&seen.creator);
            let for_us = self.is_one_of_us(&seen.grantee);
            if !of_ours && for_us && seen.grantee != *owner {
                if self.counts(&seen.grantee) {
                    give.insert(ByDefault { grantee: owner.clone(), ..seen.clone() });
                }
                take.insert(seen.clone());
            } else if first_time && !for_us && self.counts(&seen.creator) {
                give.insert(ByDefault { creator: owner.clone(), ..seen.clone() });
            }
        }
        for wish in give.difference(&self.pair.by_default) {
            changes.push(by_default(true, wish));
        }
        changes.extend(take.iter().map(|seen| by_default(false, seen)));
    }

    /// A user is a member of the owner without the right to let others in, becomes it at login, and
    /// owns nothing itself.
    fn way_in(&self, name: &str, user: Option<&User>, changes: &mut Vec<RoleChange>) {
        let nobody = User::default();
        let role = &user.unwrap_or(&nobody).role;
        let (member, of) = (|| name.to_owned(), || self.pair.owner_name.clone());
        let membership = role.member_of.get(&self.pair.owner_name);
        if !membership.is_some_and(|membership| membership.usable) {
            changes.push(RoleChange::GrantMembership { member: member(), of: of() });
        }
        if membership.is_some_and(|membership| membership.admin) {
            changes.push(RoleChange::RevokeAdminOption { member: member(), of: of() });
        }
        if role.becomes.as_ref() != Some(&self.pair.owner_name) {
            let database = self.pair.database.clone();
            changes.push(RoleChange::BecomeAtLogin { role: member(), to: of(), database });
        }
        if role.objects > 0 {
            changes.push(RoleChange::HandOverObjects { from: member(), to: of() });
        }
    }

    /// The users themselves hold nothing and are members of nothing but the owner.
    fn revokes(&self, changes: &mut Vec<RoleChange>) {
        for (name, user) in self.users() {
            let Some(user) = user else { continue };
            for of in user.role.member_of.keys().filter(|of| **of != self.pair.owner_name) {
                let member = name.to_owned();
                changes.push(RoleChange::RevokeMembership { member, of: of.clone() });
            }
            let mut revokes: BTreeMap<Object, BTreeSet<String>> = BTreeMap::new();
            for held in self.pair.held.iter().filter(|held| held.grantee == name) {
                revokes.entry(self.object(held)).or_default().insert(held.privilege.clone());
            }
            for (object, privileges) in revokes {
                let from = Grantee::Role(name.to_owned());
                changes.push(RoleChange::Revoke { from, on: Scope::Object(object), privileges });
            }
        }
    }
}

fn attributes(name: &str, role: &PostgresRole, like: &BTreeSet<Attribute>) -> Option<RoleChange> {
    let give: BTreeSet<_> = like.difference(&role.attributes).copied().collect();
    let take: BTreeSet<_> = role.attributes.difference(like).copied().collect();
    let differs = !give.is_empty() || !take.is_empty();
    differs.then(|| RoleChange::SetAttributes { role: name.to_owned(), give, take })
}

fn by_default(give: bool, wish: &ByDefault) -> RoleChange {
    let mut privileges = BTreeSet::from([wish.privilege.clone()]);
    if wish.grantable {
        privileges.insert(GRANT_OPTION.to_owned());
    }
    let grantee =
        if wish.grantee.is_empty() { Grantee::Public } else { Grantee::Role(wish.grantee.clone()) };
    RoleChange::ByDefault {
        give,
        creator: wish.creator.clone(),
        schema: wish.schema.clone(),
        objects: wish.objects.clone(),
        grantee,
        privileges,
    }
}
