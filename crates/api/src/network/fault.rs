//! Neutron's errors: `{"NeutronError": {"type", "message", "detail"}}`.

use crate::http::body::Json;
use crate::http::caller::By;
use crate::http::failure::{Envelope, Failure};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hatchery_control::Error;
use hatchery_control::network::Refusal;
use serde_json::{Value, json};

/// The service, as a parameter of what all services share.
#[derive(Clone, Copy, Debug)]
pub struct Neutron;

/// Who asks.
pub type Asked = By<Neutron>;
/// A JSON body, not looked at yet.
pub type Body = Json<Value, Neutron>;

impl Envelope for Neutron {
    fn render(status: StatusCode, error: &Error) -> Response {
        let kind = match error {
            // As the middleware in front of Neutron writes it.
            Error::Unauthenticated(message) => {
                let body = json!({"error": {
                    "code": 401, "title": "Unauthorized", "message": message,
                }});
                return (status, axum::Json(body)).into_response();
            }
            Error::NotFound { kind, .. } => match *kind {
                "Network" => "NetworkNotFound",
                "Subnet" => "SubnetNotFound",
                "Port" => "PortNotFound",
                "Security group" => "SecurityGroupNotFound",
                "Extension" => "ExtensionsNotFound",
                _ => "HTTPNotFound",
            },
            Error::Conflict(_) => "HTTPConflict",
            Error::Invalid(_) => "HTTPBadRequest",
            Error::Denied(_) => "PolicyNotAuthorized",
            Error::Exhausted(_) => "OverQuota",
            Error::TooLarge(_) => "HTTPRequestEntityTooLarge",
            Error::Unsupported(_) => "HTTPNotImplemented",
            Error::Unavailable { .. } => "HTTPServiceUnavailable",
            Error::Internal { .. } => "HTTPInternalServerError",
        };
        answer(status, kind, &error.to_string())
    }
}

/// A handler's failure.
pub struct Fault(Refusal);

impl<E: Into<Refusal>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        match named(&self.0) {
            Some((status, kind)) => answer(status, kind, &self.0.to_string()),
            None => Failure::<Neutron>::from(self.0).into_response(),
        }
    }
}

/// Status and type of what Neutron has a name for.
fn named(refusal: &Refusal) -> Option<(StatusCode, &'static str)> {
    const INVALID: StatusCode = StatusCode::BAD_REQUEST;
    const CONFLICT: StatusCode = StatusCode::CONFLICT;
    Some(match refusal {
        Refusal::InvalidInput(_) => (INVALID, "InvalidInput"),
        Refusal::InvalidIpForNetwork { .. } => (INVALID, "InvalidIpForNetwork"),
        Refusal::InvalidAllocationPool(_) => (INVALID, "InvalidAllocationPool"),
        Refusal::DnsNameServersExhausted(_) => (INVALID, "DNSNameServersExhausted"),
        Refusal::HostRoutesExhausted(_) => (INVALID, "HostRoutesExhausted"),
        Refusal::OverlappingAllocationPools(_) => (CONFLICT, "OverlappingAllocationPools"),
        Refusal::GatewayConflictWithAllocationPools(_) => {
            (CONFLICT, "GatewayConflictWithAllocationPools")
        }
        Refusal::IpAddressAlreadyAllocated { .. } => (CONFLICT, "IpAddressAlreadyAllocated"),
        Refusal::IpAddressGenerationFailure(_) => (CONFLICT, "IpAddressGenerationFailure"),
        Refusal::MacAddressInUse { .. } => (CONFLICT, "MacAddressInUse"),
        Refusal::NetworkInUse(_) => (CONFLICT, "NetworkInUse"),
        Refusal::SubnetInUse(_) => (CONFLICT, "SubnetInUse"),
        Refusal::InvalidSharedSetting(_) => (CONFLICT, "InvalidSharedSetting"),
        Refusal::PortBound(_) => (CONFLICT, "PortBound"),
        Refusal::PortInUse { .. } => (CONFLICT, "PortInUse"),
        Refusal::ServicePortInUse { .. } => (CONFLICT, "ServicePortInUse"),
        Refusal::RevisionNumberConstraintFailed { .. } => {
            (StatusCode::PRECONDITION_FAILED, "RevisionNumberConstraintFailed")
        }
        Refusal::Other(_) => return None,
    })
}

/// A 400 with this text.
pub fn invalid(text: impl Into<String>) -> Fault {
    Error::Invalid(text.into()).into()
}

/// The route is there, but not for this method.
pub async fn no_method() -> Response {
    answer(
        StatusCode::METHOD_NOT_ALLOWED,
        "HTTPMethodNotAllowed",
        "The method is not allowed for this resource.",
    )
}

fn answer(status: StatusCode, kind: &str, message: &str) -> Response {
    let body = json!({"NeutronError": {"type": kind, "message": message, "detail": ""}});
    (status, axum::Json(body)).into_response()
}
