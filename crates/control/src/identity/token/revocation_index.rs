//! The revocations that still matter, in memory: what a token's check asks.

use hatchery_model::caller::Scope;
use hatchery_model::identity::{Revocation, RevocationSubject, TokenClaims};
use hatchery_model::timestamp::Timestamp;
use std::collections::HashMap;

/// The latest revocation of each subject.
#[derive(Default)]
pub struct RevocationIndex(HashMap<RevocationSubject, Revocation>);

impl RevocationIndex {
    /// Adds one; an earlier one of the same subject is widened, never narrowed.
    pub fn insert(&mut self, revocation: Revocation) {
        self.0
            .entry(revocation.subject.clone())
            .and_modify(|known| {
                known.issued_before = known.issued_before.max(revocation.issued_before);
                known.forget_at = known.forget_at.max(revocation.forget_at);
            })
            .or_insert(revocation);
    }

    /// Drops those that matter no more at `now`.
    pub fn forget(&mut self, now: Timestamp) {
        self.0.retain(|_, revocation| revocation.forget_at > now);
    }

    /// The latest moment that any of them reaches.
    pub fn latest(&self) -> Option<Timestamp> {
        self.0.values().map(|known| known.issued_before).max()
    }

    /// Whether one of them is about this token.
    pub fn covers(&self, claims: &TokenClaims) -> bool {
        !self.0.is_empty()
            && subjects_of(claims)
                .into_iter()
                .filter_map(|subject| self.0.get(&subject))
                .any(|known| claims.issued_at <= known.issued_before)
    }
}

/// All subjects that a token falls under.
fn subjects_of(claims: &TokenClaims) -> Vec<RevocationSubject> {
    let root = claims.parent_audit_id.as_ref().unwrap_or(&claims.audit_id);
    let mut subjects = vec![
        RevocationSubject::Token(claims.audit_id.clone()),
        RevocationSubject::Chain(root.clone()),
        RevocationSubject::User(claims.user.clone()),
    ];
    match &claims.scope {
        Scope::Project { id, .. } => {
            subjects.push(RevocationSubject::UserOnProject(claims.user.clone(), id.clone()));
            subjects.push(RevocationSubject::Project(id.clone()));
        }
        Scope::Unscoped | Scope::Domain(_) | Scope::System => {}
    }
    subjects
}

#[cfg(test)]
mod tests {
    use super::RevocationIndex;
    use hatchery_model::caller::Scope;
    use hatchery_model::id::{DomainId, ProjectId, UserId};
    use hatchery_model::identity::{Revocation, RevocationSubject, TokenClaims};
    use hatchery_model::timestamp::Timestamp;

    fn claims() -> TokenClaims {
        TokenClaims {
            audit_id: "child".into(),
            parent_audit_id: Some("root".into()),
            methods: vec!["token".into()],
            user: UserId::from("u"),
            user_name: "u".into(),
            user_domain: DomainId::from("default"),
            scope: Scope::Project { id: ProjectId::from("p"), domain: DomainId::from("default") },
            roles: vec![],
            issued_at: Timestamp(100),
            expires_at: Timestamp(200),
        }
    }

    fn index(subject: RevocationSubject, before: i64) -> RevocationIndex {
        let mut index = RevocationIndex::default();
        index.insert(Revocation {
            subject,
            issued_before: Timestamp(before),
            forget_at: Timestamp(1000),
        });
        index
    }

    #[test]
    fn each_subject_covers_its_tokens_and_no_later_ones() {
        let user = UserId::from("u");
        let project = ProjectId::from("p");
        for subject in [
            RevocationSubject::Token("child".into()),
            RevocationSubject::Chain("root".into()),
            RevocationSubject::User(user.clone()),
            RevocationSubject::UserOnProject(user, project.clone()),
            RevocationSubject::Project(project),
        ] {
            assert!(index(subject.clone(), 100).covers(&claims()), "{subject:?}");
            assert!(!index(subject.clone(), 99).covers(&claims()), "{subject:?}");
        }
    }

    #[test]
    fn other_subjects_do_not_matter() {
        for subject in [
            RevocationSubject::Token("root".into()),
            RevocationSubject::Chain("child".into()),
            RevocationSubject::User(UserId::from("other")),
            RevocationSubject::Project(ProjectId::from("other")),
        ] {
            assert!(!index(subject.clone(), 100).covers(&claims()), "{subject:?}");
        }
    }

    #[test]
    fn an_earlier_revocation_does_not_narrow_a_later_one() {
        let subject = RevocationSubject::User(UserId::from("u"));
        let mut index = index(subject.clone(), 100);
        index.insert(Revocation { subject, issued_before: Timestamp(1), forget_at: Timestamp(5) });
        index.forget(Timestamp(5));
        assert!(index.covers(&claims()));
        index.forget(Timestamp(1000));
        assert!(!index.covers(&claims()));
    }
}
