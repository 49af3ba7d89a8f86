//! From claims to an opaque token and back: sealed, so that nobody else can read, change or make one.
//!
//! The form is PASETO `v4.local`: one fixed construction and no algorithm named in the token, so there is nothing to
//! downgrade. Whether the token has expired or been taken back is not decided here.

use crate::error::Error;
use hatchery_model::caller::Scope;
use hatchery_model::id::{DomainId, ProjectId, UserId};
use hatchery_model::identity::TokenClaims;
use hatchery_model::timestamp::Timestamp;
use pasetors::Local;
use pasetors::keys::SymmetricKey;
use pasetors::token::UntrustedToken;
use pasetors::version4::{LocalToken, V4};
use serde::{Deserialize, Serialize};

/// Bytes of the key.
pub const KEY_BYTES: usize = 32;

/// Longest token made or looked at, in bytes: it must fit into a header together with all the others.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Ties a token to this use of the key.
const CONTEXT: &[u8] = b"hatchery identity token 1";

/// Seals and opens tokens with one key.
pub struct TokenCodec(SymmetricKey<V4>);

/// The claims as they stand in a token: short names, because clients send them with each request.
#[derive(Serialize, Deserialize)]
struct Sealed {
    a: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    p: Option<String>,
    m: Vec<String>,
    u: String,
    n: String,
    d: String,
    s: SealedScope,
    r: Vec<String>,
    i: i64,
    e: i64,
}

#[derive(Serialize, Deserialize)]
enum SealedScope {
    #[serde(rename = "u")]
    Unscoped,
    #[serde(rename = "p")]
    Project(String, String),
    #[serde(rename = "d")]
    Domain(String),
    #[serde(rename = "s")]
    System,
}

impl TokenCodec {
    /// A codec with this key, which must have [`KEY_BYTES`] bytes; `Internal` otherwise.
    pub fn new(key: &[u8]) -> Result<Self, Error> {
        let key = SymmetricKey::from(key).map_err(|error| Error::Internal {
            source: format!("the stored token key cannot be used: {error:?}").into(),
        })?;
        Ok(Self(key))
    }

    /// The token of these claims. `Exhausted` when it would be too long for a header.
    pub fn seal(&self, claims: &TokenClaims) -> Result<String, Error> {
        let text = serde_json::to_vec(&Sealed::from(claims))
            .map_err(|error| Error::Internal { source: Box::new(error) })?;
        let token = LocalToken::encrypt(&self.0, &text, None, Some(CONTEXT)).map_err(|error| {
            Error::Internal { source: format!("a token cannot be sealed: {error:?}").into() }
        })?;
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Error::Exhausted(
                "The user holds too many roles on this scope for one token; take some away.".into(),
            ));
        }
        Ok(token)
    }

    /// The claims of a token that was sealed with this key; `None` for anything else.
    pub fn open(&self, token: &str) -> Option<TokenClaims> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let token = UntrustedToken::<Local, V4>::try_from(token).ok()?;
        if !token.untrusted_footer().is_empty() {
            return None;
        }
        let trusted = LocalToken::decrypt(&self.0, &token, None, Some(CONTEXT)).ok()?;
        let sealed: Sealed = serde_json::from_str(trusted.payload()).ok()?;
        Some(sealed.into())
    }
}

impl From<&TokenClaims> for Sealed {
    fn from(claims: &TokenClaims) -> Self {
        Self {
            a: claims.audit_id.clone(),
            p: claims.parent_audit_id.clone(),
            m: claims.methods.clone(),
            u: claims.user.0.clone(),
            n: claims.user_name.clone(),
            d: claims.user_domain.0.clone(),
            s: match &claims.scope {
                Scope::Unscoped => SealedScope::Unscoped,
                Scope::Project { id, domain } => {
                    SealedScope::Project(id.0.clone(), domain.0.clone())
                }
                Scope::Domain(id) => SealedScope::Domain(id.0.clone()),
                Scope::System => SealedScope::System,
            },
            r: claims.roles.clone(),
            i: claims.issued_at.0,
            e: claims.expires_at.0,
        }
    }
}

impl From<Sealed> for TokenClaims {
    fn from(sealed: Sealed) -> Self {
        Self {
            audit_id: sealed.a,
            parent_audit_id: sealed.p,
            methods: sealed.m,
            user: UserId(sealed.u),
            user_name: sealed.n,
            user_domain: DomainId(sealed.d),
            scope: match sealed.s {
                SealedScope::Unscoped => Scope::Unscoped,
                SealedScope::Project(id, domain) => {
                    Scope::Project { id: ProjectId(id), domain: DomainId(domain) }
                }
                SealedScope::Domain(id) => Scope::Domain(DomainId(id)),
                SealedScope::System => Scope::System,
            },
            roles: sealed.r,
            issued_at: Timestamp(sealed.i),
            expires_at: Timestamp(sealed.e),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{KEY_BYTES, MAX_TOKEN_BYTES, TokenCodec};
    use hatchery_model::caller::Scope;
    use hatchery_model::id::{DomainId, ProjectId, UserId};
    use hatchery_model::identity::TokenClaims;
    use hatchery_model::timestamp::Timestamp;

    fn claims() -> TokenClaims {
        TokenClaims {
            audit_id: "audit".into(),
            parent_audit_id: Some("parent".into()),
            methods: vec!["token".into(), "password".into()],
            user: UserId::from("u"),
            user_name: "ada".into(),
            user_domain: DomainId::from("default"),
            scope: Scope::Project { id: ProjectId::from("p"), domain: DomainId::from("default") },
            roles: vec!["reader".into()],
            issued_at: Timestamp(1),
            expires_at: Timestamp(2),
        }
    }

    fn codec(byte: u8) -> TokenCodec {
        TokenCodec::new(&[byte; KEY_BYTES]).unwrap()
    }

    #[test]
    fn what_is_sealed_is_opened_again() {
        let mut claims = claims();
        for scope in [
            claims.scope.clone(),
            Scope::Unscoped,
            Scope::System,
            Scope::Domain(DomainId::from("d")),
        ] {
            claims.scope = scope;
            let token = codec(1).seal(&claims).unwrap();
            assert_eq!(codec(1).open(&token), Some(claims.clone()));
            assert!(!token.contains("ada"));
        }
    }

    #[test]
    fn another_key_opens_nothing() {
        let token = codec(1).seal(&claims()).unwrap();
        assert_eq!(codec(2).open(&token), None);
    }

    #[test]
    fn no_changed_character_is_accepted() {
        let token = codec(1).seal(&claims()).unwrap();
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(codec(1).open(&changed), None, "changed at {at}");
        }
    }

    #[test]
    fn other_forms_are_refused() {
        let sealed = codec(1).seal(&claims()).unwrap();
        let unsigned_jwt = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJ1IjoiYWRtaW4ifQ.";
        for token in [
            "",
            "v4.local.",
            "v4.public.AAAA",
            "not a token",
            unsigned_jwt,
            &sealed[..sealed.len() - 1],
            &format!("{sealed}.Zm9vdGVy"),
            &"A".repeat(MAX_TOKEN_BYTES + 1),
        ] {
            assert_eq!(codec(1).open(token), None, "{token}");
        }
    }
}
