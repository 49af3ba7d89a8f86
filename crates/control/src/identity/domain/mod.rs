//! Domains.

mod create_domain;
mod delete_domain;
mod list_domains;
mod show_domain;
mod update_domain;

pub use create_domain::{CreateDomain, NewDomain};
pub use delete_domain::DeleteDomain;
pub use list_domains::{DomainQuery, ListDomains};
pub use show_domain::ShowDomain;
pub use update_domain::{DomainChange, UpdateDomain};

/// What a name that is taken is answered with.
fn name_taken(name: &str) -> String {
    format!(
        "Conflict occurred attempting to store domain - it is not permitted to have two projects acting as domains with the \
         same name: {name}."
    )
}
