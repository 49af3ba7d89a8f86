//! Keystone's rows.

use super::assert_conflict;
use super::fixture::id;
use crate::store::{AssignmentFilter, ProjectFilter, Store, UserFilter};
use hatchery_model::id::{DomainId, ProjectId, RoleId, UserId};
use hatchery_model::identity::{
    Assignment, AssignmentTarget, Domain, Project, Revocation, RevocationSubject, Role, User,
};
use hatchery_model::timestamp::Timestamp;
use std::collections::BTreeMap;

fn domain(name: &str) -> Domain {
    Domain {
        id: DomainId::from(id()),
        name: name.to_owned(),
        description: "d".to_owned(),
        enabled: true,
    }
}

fn project(domain: &DomainId, name: &str) -> Project {
    Project {
        id: ProjectId::from(id()),
        name: name.to_owned(),
        domain: domain.clone(),
        parent: None,
        description: String::new(),
        enabled: true,
        tags: vec!["t".to_owned()],
        extra: BTreeMap::from([("k".to_owned(), serde_json::json!({"n": [1, null]}))]),
    }
}

fn user(domain: &DomainId, name: &str) -> User {
    User {
        id: UserId::from(id()),
        name: name.to_owned(),
        domain: domain.clone(),
        password_hash: Some("$argon2id$…".to_owned()),
        password_set_at: Timestamp(3),
        default_project: None,
        enabled: true,
        description: None,
        email: Some("a@b".to_owned()),
        extra: BTreeMap::new(),
    }
}

fn role(domain: Option<DomainId>, name: &str) -> Role {
    Role { id: RoleId::from(id()), name: name.to_owned(), domain, description: None }
}

/// Domains.
pub async fn domains(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.domains();
    let (mut first, second) = (domain("domains b"), domain("domains a"));
    assert_eq!(rows.find(&first.id).await.unwrap(), None);
    assert_eq!(rows.find_by_name(&first.name).await.unwrap(), None);
    rows.insert(&first).await.unwrap();
    rows.insert(&second).await.unwrap();
    assert_conflict(rows.insert(&first).await);
    assert_conflict(rows.insert(&domain("domains b")).await);
    assert_eq!(rows.find(&first.id).await.unwrap().as_ref(), Some(&first));
    let found = rows.find_by_name("domains a").await.unwrap();
    assert_eq!(found.as_ref(), Some(&second));

    first.enabled = false;
    first.name = "domains c".to_owned();
    rows.update(&first).await.unwrap();
    let listed: Vec<Domain> = rows
        .list()
        .await
        .unwrap()
        .into_iter()
        .filter(|domain| domain.name.starts_with("domains "))
        .collect();
    assert_eq!(listed, [second.clone(), first.clone()]);
    assert_conflict(rows.update(&Domain { name: second.name.clone(), ..first.clone() }).await);
    assert_conflict(rows.update(&domain("domains nowhere")).await);
    assert!(rows.delete(&first.id).await.unwrap());
    assert!(!rows.delete(&first.id).await.unwrap());
    assert_eq!(rows.find(&first.id).await.unwrap(), None);
    unit.commit().await.unwrap();
}

/// Projects.
pub async fn projects(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.projects();
    let (here, there) = (DomainId::from(id()), DomainId::from(id()));
    let (mut b, a, same_name) = (project(&here, "b"), project(&here, "a"), project(&there, "a"));
    b.parent = Some(a.id.clone());
    assert_eq!(rows.find(&b.id).await.unwrap(), None);
    for row in [&b, &a, &same_name] {
        rows.insert(row).await.unwrap();
    }
    assert_conflict(rows.insert(&a).await);
    assert_conflict(rows.insert(&project(&here, "a")).await);
    assert_eq!(rows.find(&b.id).await.unwrap().as_ref(), Some(&b));
    let found = rows.find_by_name(&there, "a").await.unwrap();
    assert_eq!(found.as_ref(), Some(&same_name));
    assert_eq!(rows.find_by_name(&there, "b").await.unwrap(), None);

    let filter = |name: Option<&str>, parent: Option<&ProjectId>| ProjectFilter {
        domain: Some(here.clone()),
        name: name.map(str::to_owned),
        parent: parent.cloned(),
    };
    let all = [a.clone(), b.clone()];
    assert_eq!(rows.list(&filter(None, None)).await.unwrap(), all);
    assert_eq!(rows.list(&filter(Some("b"), None)).await.unwrap(), all[1..]);
    let below = rows.list(&filter(None, Some(&a.id))).await.unwrap();
    assert_eq!(below, all[1..]);

    b.description = "new".to_owned();
    rows.update(&b).await.unwrap();
    assert_eq!(rows.find(&b.id).await.unwrap().as_ref(), Some(&b));
    let taken = Project { name: "a".to_owned(), ..b.clone() };
    assert_conflict(rows.update(&taken).await);
    assert_conflict(rows.update(&project(&here, "nowhere")).await);
    assert!(rows.delete(&b.id).await.unwrap());
    assert!(!rows.delete(&b.id).await.unwrap());
    unit.commit().await.unwrap();
}

/// Users.
pub async fn users(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.users();
    let (here, there) = (DomainId::from(id()), DomainId::from(id()));
    let (mut b, a, same_name) = (user(&here, "b"), user(&here, "a"), user(&there, "a"));
    assert_eq!(rows.find(&b.id).await.unwrap(), None);
    for row in [&b, &a, &same_name] {
        rows.insert(row).await.unwrap();
    }
    assert_conflict(rows.insert(&user(&here, "a")).await);
    assert_eq!(rows.find(&b.id).await.unwrap().as_ref(), Some(&b));
    let found = rows.find_by_name(&there, "a").await.unwrap();
    assert_eq!(found.as_ref(), Some(&same_name));
    let mut filter = UserFilter { domain: Some(here.clone()), name: None };
    assert_eq!(rows.list(&filter).await.unwrap(), [a.clone(), b.clone()]);
    filter.name = Some("b".to_owned());
    assert_eq!(rows.list(&filter).await.unwrap(), [b.clone()]);

    b.password_hash = None;
    rows.update(&b).await.unwrap();
    assert_eq!(rows.find(&b.id).await.unwrap().as_ref(), Some(&b));
    let taken = User { name: "a".to_owned(), ..b.clone() };
    assert_conflict(rows.update(&taken).await);
    assert!(rows.delete(&b.id).await.unwrap());
    assert!(!rows.delete(&b.id).await.unwrap());
    unit.commit().await.unwrap();
}

/// Roles, and which implies which.
pub async fn roles(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.roles();
    let domain = DomainId::from(id());
    let (a, mut b) = (role(None, "roles a"), role(None, "roles b"));
    let of_domain = role(Some(domain), "roles a");
    for row in [&a, &b, &of_domain] {
        assert_eq!(rows.find(&row.id).await.unwrap(), None);
        rows.insert(row).await.unwrap();
    }
    assert_conflict(rows.insert(&role(None, "roles a")).await);
    b.description = Some("d".to_owned());
    rows.update(&b).await.unwrap();
    assert_eq!(rows.find(&b.id).await.unwrap().as_ref(), Some(&b));
    let names: Vec<String> = rows
        .list()
        .await
        .unwrap()
        .into_iter()
        .map(|role| role.name)
        .filter(|name| name.starts_with("roles "))
        .collect();
    assert_eq!(names, ["roles a", "roles a", "roles b"]);

    rows.insert_implication(&a.id, &b.id).await.unwrap();
    rows.insert_implication(&a.id, &b.id).await.unwrap();
    rows.insert_implication(&b.id, &of_domain.id).await.unwrap();
    let pairs = rows.list_implications().await.unwrap();
    let wanted = (a.id.clone(), b.id.clone());
    assert_eq!(pairs.iter().filter(|pair| **pair == wanted).count(), 1);
    assert!(rows.delete_implication(&a.id, &b.id).await.unwrap());
    assert!(!rows.delete_implication(&a.id, &b.id).await.unwrap());
    rows.insert_implication(&a.id, &b.id).await.unwrap();
    assert!(rows.delete(&b.id).await.unwrap());
    assert!(!rows.delete(&b.id).await.unwrap());
    let pairs = rows.list_implications().await.unwrap();
    assert!(!pairs.iter().any(|pair| pair.0 == b.id || pair.1 == b.id));
    unit.commit().await.unwrap();
}

/// Role assignments.
pub async fn assignments(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.assignments();
    let user = UserId::from(id());
    let (project, role) = (ProjectId::from(id()), RoleId::from("role-a"));
    let assignment = |role: &str, target: AssignmentTarget| Assignment {
        user: user.clone(),
        role: RoleId::from(role),
        target,
    };
    let mut all = vec![
        assignment("role-b", AssignmentTarget::Project(project.clone())),
        assignment("role-a", AssignmentTarget::System),
        assignment("role-a", AssignmentTarget::Domain(DomainId::from("x"))),
        assignment("role-a", AssignmentTarget::Project(project.clone())),
    ];
    for row in &all {
        rows.insert(row).await.unwrap();
        rows.insert(row).await.unwrap();
    }
    all.sort();
    let of_user = AssignmentFilter { user: Some(user.clone()), ..AssignmentFilter::default() };
    assert_eq!(rows.list(&of_user).await.unwrap(), all);
    let on_project = AssignmentFilter {
        target: Some(AssignmentTarget::Project(project)),
        ..AssignmentFilter::default()
    };
    assert_eq!(rows.list(&on_project).await.unwrap().len(), 2);
    let of_role = AssignmentFilter { role: Some(role), ..of_user.clone() };
    assert_eq!(rows.delete(&of_role).await.unwrap(), 3);
    assert_eq!(rows.list(&of_user).await.unwrap(), all[3..]);
    assert_eq!(rows.delete(&of_role).await.unwrap(), 0);
    unit.commit().await.unwrap();
}

/// Tokens taken back.
pub async fn revocations(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.revocations();
    let revocation = |subject: RevocationSubject, issued_before: i64, forget_at: i64| Revocation {
        subject,
        issued_before: Timestamp(issued_before),
        forget_at: Timestamp(forget_at),
    };
    let user = RevocationSubject::User(UserId::from("u"));
    let token = revocation(RevocationSubject::Token("t".to_owned()), 5, 100);
    rows.insert(&token).await.unwrap();
    rows.insert(&revocation(user.clone(), 10, 110)).await.unwrap();
    // Once more, later: what is listed must revoke the tokens up to the later moment.
    rows.insert(&revocation(user.clone(), 20, 120)).await.unwrap();
    let revoked_until = |listed: &[Revocation], subject: &RevocationSubject| {
        let of_subject = listed.iter().filter(|one| one.subject == *subject);
        of_subject.map(|one| one.issued_before).max()
    };
    let listed = rows.list(Timestamp(99)).await.unwrap();
    assert_eq!(revoked_until(&listed, &user), Some(Timestamp(20)));
    assert!(listed.contains(&token));

    let listed = rows.list(Timestamp(100)).await.unwrap();
    assert!(!listed.contains(&token), "it matters until 100 and no more");
    assert_eq!(rows.delete_forgettable(Timestamp(100)).await.unwrap(), 1);
    assert!(!rows.list(Timestamp(0)).await.unwrap().contains(&token));
    assert_eq!(rows.delete_forgettable(Timestamp(100)).await.unwrap(), 0);
    unit.commit().await.unwrap();
}
