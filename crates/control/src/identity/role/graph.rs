//! Roles and what they imply.

use crate::error::Error;
use crate::identity::removal::revoke_assignment;
use crate::identity::token::Revoking;
use hatchery_model::id::{RoleId, UserId};
use hatchery_model::identity::{AssignmentTarget, Role};
use hatchery_ports::store::{AssignmentFilter, UnitOfWork};
use std::collections::{BTreeMap, BTreeSet};

/// All roles, and which implies which.
pub struct RoleGraph {
    roles: BTreeMap<RoleId, Role>,
    implied: BTreeMap<RoleId, Vec<RoleId>>,
}

impl RoleGraph {
    /// As the store has it.
    pub async fn load(unit: &mut dyn UnitOfWork) -> Result<Self, Error> {
        let roles = unit.roles().list().await?;
        let pairs = unit.roles().list_implications().await?;
        Ok(Self::new(roles, pairs))
    }

    fn new(roles: Vec<Role>, pairs: Vec<(RoleId, RoleId)>) -> Self {
        let mut implied: BTreeMap<RoleId, Vec<RoleId>> = BTreeMap::new();
        for (of, what) in pairs {
            implied.entry(of).or_default().push(what);
        }
        Self { roles: roles.into_iter().map(|role| (role.id.clone(), role)).collect(), implied }
    }

    /// The role of this id.
    pub fn role(&self, id: &RoleId) -> Option<&Role> {
        self.roles.get(id)
    }

    /// The held role itself, then what it implies directly or through others, each with the role that implies it. Circles end.
    pub fn reached_from(&self, held: &RoleId) -> Vec<(RoleId, Option<RoleId>)> {
        let mut seen = BTreeSet::from([held.clone()]);
        let mut reached = vec![(held.clone(), None)];
        let mut at = 0;
        while let Some((of, _)) = reached.get(at).cloned() {
            at += 1;
            for what in self.implied.get(&of).into_iter().flatten() {
                if seen.insert(what.clone()) {
                    reached.push((what.clone(), Some(of.clone())));
                }
            }
        }
        reached
    }

    /// All global roles that come with those held, each once. Domain roles count only through the global ones they imply.
    pub fn effective(&self, held: &[RoleId]) -> Vec<Role> {
        let mut seen = BTreeSet::new();
        held.iter()
            .flat_map(|held| self.reached_from(held))
            .filter(|(id, _)| seen.insert(id.clone()))
            .filter_map(|(id, _)| self.role(&id).cloned())
            .filter(|role| role.domain.is_none())
            .collect()
    }

    /// The roles with which this one comes along, itself included.
    pub fn leading_to(&self, wanted: &RoleId) -> Vec<RoleId> {
        self.roles
            .keys()
            .filter(|held| self.reached_from(held).iter().any(|(id, _)| id == wanted))
            .cloned()
            .collect()
    }

    /// What a user holds on a target, implied roles included.
    pub async fn of_user_on(
        &self,
        unit: &mut dyn UnitOfWork,
        user: &UserId,
        target: &AssignmentTarget,
    ) -> Result<Vec<Role>, Error> {
        let filter =
            AssignmentFilter { user: Some(user.clone()), role: None, target: Some(target.clone()) };
        let held: Vec<RoleId> = unit
            .assignments()
            .list(&filter)
            .await?
            .into_iter()
            .map(|assignment| assignment.role)
            .collect();
        Ok(self.effective(&held))
    }
}

/// Takes back the tokens of all who hold the role, directly or by implication.
pub(super) async fn revoke_holders(
    unit: &mut dyn UnitOfWork,
    revoking: &mut Revoking<'_>,
    graph: &RoleGraph,
    role: &RoleId,
) -> Result<(), Error> {
    for held in graph.leading_to(role) {
        let filter = AssignmentFilter { role: Some(held), ..AssignmentFilter::default() };
        for assignment in unit.assignments().list(&filter).await? {
            revoke_assignment(revoking, &assignment);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::RoleGraph;
    use hatchery_model::id::{DomainId, RoleId};
    use hatchery_model::identity::Role;

    fn role(id: &str) -> Role {
        Role {
            id: RoleId::from(id),
            name: id.into(),
            domain: id.starts_with("domain").then(|| DomainId::from("d")),
            description: None,
        }
    }

    fn graph(ids: &[&str], pairs: &[(&str, &str)]) -> RoleGraph {
        let pairs = pairs.iter().map(|(a, b)| (RoleId::from(*a), RoleId::from(*b)));
        RoleGraph::new(ids.iter().map(|id| role(id)).collect(), pairs.collect())
    }

    fn effective(graph: &RoleGraph, held: &[&str]) -> Vec<String> {
        let held: Vec<RoleId> = held.iter().map(|id| RoleId::from(*id)).collect();
        graph.effective(&held).into_iter().map(|role| role.name).collect()
    }

    #[test]
    fn each_role_comes_once_and_circles_end() {
        let graph = graph(&["a", "b", "c"], &[("a", "b"), ("b", "c"), ("c", "a")]);
        assert_eq!(effective(&graph, &["a", "c"]), ["a", "b", "c"]);
        assert_eq!(graph.leading_to(&RoleId::from("b")).len(), 3);
    }

    #[test]
    fn a_domain_role_gives_only_what_it_implies() {
        let graph = graph(&["domain-ops", "member"], &[("domain-ops", "member")]);
        assert_eq!(effective(&graph, &["domain-ops"]), ["member"]);
    }

    #[test]
    fn nothing_is_implied_upwards() {
        let graph = graph(&["admin", "reader"], &[("admin", "reader")]);
        assert_eq!(effective(&graph, &["reader"]), ["reader"]);
        assert_eq!(graph.leading_to(&RoleId::from("admin")), [RoleId::from("admin")]);
    }
}
