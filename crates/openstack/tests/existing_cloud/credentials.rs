//! Credentials from everywhere that OpenStack clients read them, and what Keystone is told.

use crate::scripted_cloud::{Reply, ScriptedCloud};
use hatchery_openstack::{
    Auth, CloudFiles, Credentials, Domain, Environment, GlanceCatalog, Interface, OpenstackError,
    Project, Scope, Session, TimeLimits, User,
};
use hatchery_ports::image_catalog::ImageCatalog;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::Arc;

fn environment(pairs: &[(&str, &str)]) -> Environment {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn find(folder: &Path, pairs: &[(&str, &str)]) -> Result<Credentials, OpenstackError> {
    let environment = environment(pairs);
    Credentials::find(&environment, &CloudFiles::usual(&environment, folder))
}

const OPENRC: &[(&str, &str)] = &[
    ("OS_AUTH_URL", "http://keystone:5000/v3/"),
    ("OS_USERNAME", "admin"),
    ("OS_PASSWORD", "secret"),
    ("OS_PROJECT_NAME", "admin"),
    ("OS_USER_DOMAIN_NAME", "Default"),
    ("OS_PROJECT_DOMAIN_ID", "default"),
    ("OS_REGION_NAME", "RegionOne"),
    ("OS_INTERFACE", "internal"),
    ("OS_CACERT", "/etc/ca.pem"),
    ("OS_IDENTITY_API_VERSION", "3"),
];

#[test]
fn an_openrc() {
    let folder = tempfile::tempdir().unwrap();
    let found = find(folder.path(), OPENRC).unwrap();
    assert_eq!(found.auth_url, "http://keystone:5000");
    assert_eq!(
        found.auth,
        Auth::Password {
            user: User::Named("admin".into(), Domain::Named("Default".into())),
            password: "secret".into()
        }
    );
    let project = Project::Named("admin".into(), Domain::Id("default".into()));
    assert_eq!(found.scope, Scope::Project(project));
    assert_eq!(
        (found.region.as_deref(), found.interface),
        (Some("RegionOne"), Interface::Internal)
    );
    assert_eq!(found.ca_file.as_deref(), Some(Path::new("/etc/ca.pem")));
    assert!(!found.insecure);
    assert!(!format!("{found:?}").contains("secret"));
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let without = |name: &str| -> Vec<(&str, &str)> {
        OPENRC.iter().copied().filter(|(other, _)| *other != name).collect()
    };
    for (name, said) in [
        ("OS_AUTH_URL", "set OS_AUTH_URL"),
        ("OS_PASSWORD", "set OS_PASSWORD"),
        ("OS_USERNAME", "set OS_USERNAME"),
    ] {
        let error = find(folder.path(), &without(name)).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    let with = |name, value| [OPENRC, &[(name, value)]].concat();
    for (name, value, said) in [
        ("OS_AUTH_TYPE", "v3oidcpassword", "v3oidcpassword"),
        ("OS_INTERFACE", "outside", "outside"),
        ("OS_CLOUD", "none", "no clouds.yaml"),
    ] {
        let error = find(folder.path(), &with(name, value)).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    let credentials = find(folder.path(), OPENRC).unwrap();
    let refused = Session::new(
        credentials,
        TimeLimits::default(),
        Arc::new(hatchery_testkit::ManualClock::default()),
    );
    assert!(
        matches!(refused.err(), Some(OpenstackError::Invalid(text)) if text.contains("/etc/ca.pem"))
    );
}

const CLOUDS: &str = "
clouds:
  first:
    profile: vendor
    auth: &auth
      username: keeper
      project_id: 0123456789abcdef0123456789abcdef
    regions:
      - name: north
        values:
          interface: admin
      - south
  second:
    auth_type: v3applicationcredential
    auth:
      auth_url: https://second:5000/v3
      application_credential_id: abc
      application_credential_secret: hidden
    verify: false
    image_endpoint_override: https://images.example/glance
";

#[test]
fn clouds_yaml_with_secure_yaml_profile_and_regions() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("clouds.yaml", CLOUDS);
    write("secure.yaml", "clouds:\n  first:\n    auth:\n      password: \"012\"\n");
    write(
        "clouds-public.yaml",
        "public-clouds:\n  vendor:\n    auth:\n      auth_url: http://vendor/identity/v3\n      username: nobody\n",
    );
    let first = find(folder.path(), &[("OS_CLOUD", "first"), ("OS_AUTH_URL", "http://ignored")]);
    let first = first.unwrap();
    assert_eq!(first.auth_url, "http://vendor/identity");
    let user = User::Named("keeper".into(), Domain::Id("default".into()));
    assert_eq!(first.auth, Auth::Password { user, password: "012".into() });
    assert_eq!((first.region.as_deref(), first.interface), (Some("north"), Interface::Admin));
    let south = find(folder.path(), &[("OS_CLOUD", "first"), ("OS_REGION_NAME", "south")]).unwrap();
    assert_eq!((south.region.as_deref(), south.interface), (Some("south"), Interface::Public));

    let second = find(folder.path(), &[("OS_CLOUD", "second")]).unwrap();
    assert!(second.insecure);
    assert_eq!(second.scope, Scope::Unnamed);
    assert_eq!(second.endpoint_overrides["image"], "https://images.example/glance");
    assert!(matches!(second.auth, Auth::ApplicationCredential { id: Some(id), .. } if id == "abc"));

    let error = find(folder.path(), &[]).unwrap_err().to_string();
    assert!(error.contains("first, second"), "{error}");
    let error = find(folder.path(), &[("OS_CLOUD", "third")]).unwrap_err().to_string();
    assert!(error.contains("no cloud third"), "{error}");
    let named = folder.path().join("elsewhere.yaml");
    fs::write(&named, "clouds: {only: {auth: {auth_url: 'http://only', token: t}}}").unwrap();
    let only = find(folder.path(), &[("OS_CLIENT_CONFIG_FILE", named.to_str().unwrap())]).unwrap();
    assert_eq!((only.auth_url.as_str(), only.auth), ("http://only", Auth::Token("t".into())));
}

#[test]
fn a_file_that_cannot_be_read_shows_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("clouds.yaml"), "clouds:\n  a: {auth: {password: hunter2\n b: ]")
        .unwrap();
    let error = find(folder.path(), &[("OS_CLOUD", "a")]).unwrap_err().to_string();
    assert!(error.contains("not YAML") && !error.contains("hunter2"), "{error}");
    // Aliases that multiply are refused, not followed.
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let alias = format!("*a{}, ", level - 1).repeat(10);
        text.push_str(&format!("a{level}: &a{level} [{alias}]\n"));
    }
    fs::write(folder.path().join("clouds.yaml"), text).unwrap();
    assert!(find(folder.path(), &[("OS_CLOUD", "a")]).is_err());
}

/// What Keystone is told under these variables.
fn told(pairs: &[(&str, &str)]) -> Value {
    let cloud = ScriptedCloud::start(|_| Reply::Json(200, json!({"images": []})));
    let folder = tempfile::tempdir().unwrap();
    let pairs =
        [pairs, &[("OS_AUTH_URL", cloud.base.as_str()), ("OS_INTERFACE", "internalURL")]].concat();
    let credentials = find(folder.path(), &pairs).unwrap();
    let session = Session::new(credentials, TimeLimits::default(), cloud.clock.clone()).unwrap();
    let catalog = GlanceCatalog::new(Arc::new(session));
    // The catalogue names a second region first, where nobody answers: only the login matters here.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _ = runtime.block_on(catalog.list());
    cloud.asked()[0].body["auth"].clone()
}

#[test]
fn keystone_is_told_who_asks_and_for_what() {
    let password = |more: &[(&'static str, &'static str)]| {
        told(&[&[("OS_USER_ID", "u"), ("OS_PASSWORD", "p")], more].concat())
    };
    let identity =
        json!({"methods": ["password"], "password": {"user": {"id": "u", "password": "p"}}});
    assert_eq!(password(&[]), json!({"identity": identity}));
    assert_eq!(
        password(&[("OS_TENANT_NAME", "t"), ("OS_DEFAULT_DOMAIN", "d")])["scope"],
        json!({"project": {"name": "t", "domain": {"id": "d"}}})
    );
    assert_eq!(password(&[("OS_SYSTEM_SCOPE", "all")])["scope"], json!({"system": {"all": true}}));
    assert_eq!(password(&[("OS_DOMAIN_NAME", "d")])["scope"], json!({"domain": {"name": "d"}}));
    assert_eq!(password(&[("OS_TRUST_ID", "t")])["scope"], json!({"OS-TRUST:trust": {"id": "t"}}));
    assert_eq!(
        told(&[
            ("OS_APPLICATION_CREDENTIAL_NAME", "warm"),
            ("OS_APPLICATION_CREDENTIAL_SECRET", "s"),
            ("OS_USERNAME", "n"),
            ("OS_USER_DOMAIN_NAME", "d"),
            ("OS_PROJECT_NAME", "left out, since Keystone refuses it here"),
        ]),
        json!({"identity": {"methods": ["application_credential"], "application_credential": {
            "name": "warm", "secret": "s", "user": {"name": "n", "domain": {"name": "d"}}}}})
    );
    assert_eq!(
        told(&[("OS_AUTH_TYPE", "v3token"), ("OS_TOKEN", "t"), ("OS_PROJECT_ID", "p")]),
        json!({"identity": {"methods": ["token"], "token": {"id": "t"}}, "scope": {"project": {"id": "p"}}})
    );
}
