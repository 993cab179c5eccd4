//! Impersonation: the required permissions, and the resulting user.

use crate::{
    policy::SERVICE_ACCOUNT,
    request::{Attributes, ResourceAttributes, User},
};

/// Returns the permissions needed to act as another user: every part is checked separately.
#[must_use]
pub fn impersonations(wanted: &User) -> Vec<Attributes<'_>> {
    let who = match service_account(&wanted.name) {
        Some((namespace, name)) => ResourceAttributes {
            resource: "serviceaccounts",
            namespace,
            name,
            ..ResourceAttributes::default()
        },
        None => ResourceAttributes {
            resource: "users",
            name: &wanted.name,
            ..ResourceAttributes::default()
        },
    };
    let groups = wanted.groups.iter().map(|name| ResourceAttributes {
        resource: "groups",
        name,
        ..ResourceAttributes::default()
    });
    let extras = wanted
        .extra
        .iter()
        .flat_map(|(key, values)| values.iter().map(move |value| (key, value)));
    let extras = extras.map(|(subresource, name)| ResourceAttributes {
        subresource,
        ..authentication("userextras", name)
    });
    let uid = Some(&*wanted.uid)
        .filter(|uid| !uid.is_empty())
        .map(|uid| authentication("uids", uid));
    let all = [who].into_iter().chain(groups).chain(extras).chain(uid);
    all.map(|resource| Attributes::resource("impersonate", resource))
        .collect()
}

/// Returns the impersonated user, including groups that are added implicitly.
#[must_use]
pub fn as_user(wanted: &User) -> User {
    let mut user = wanted.clone();
    if user.groups.is_empty()
        && let Some((namespace, _)) = service_account(&wanted.name)
    {
        user.groups = vec![
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{namespace}"),
        ];
    }
    let is_in = |group: &str| user.groups.iter().any(|own| own == group);
    let implied = if user.name == ANONYMOUS {
        UNAUTHENTICATED
    } else {
        AUTHENTICATED
    };
    if !is_in(implied) && !is_in(UNAUTHENTICATED) {
        user.groups.push(implied.to_owned());
    }
    user
}

/// Returns namespace and name of a service account; only valid names count.
fn service_account(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user.strip_prefix(SERVICE_ACCOUNT)?.split_once(':')?;
    let plain = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
    };
    (plain(namespace) && plain(name)).then_some((namespace, name))
}

fn authentication<'a>(resource: &'a str, name: &'a str) -> ResourceAttributes<'a> {
    ResourceAttributes {
        group: "authentication.k8s.io",
        resource,
        name,
        ..ResourceAttributes::default()
    }
}

const ANONYMOUS: &str = "system:anonymous";
const AUTHENTICATED: &str = "system:authenticated";
const UNAUTHENTICATED: &str = "system:unauthenticated";

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(user: &User) -> Vec<String> {
        let text =
            |attributes: &Attributes<'_>| crate::forbidden(&User::new("a"), attributes, "").message;
        impersonations(user).iter().map(text).collect()
    }

    #[test]
    fn every_part_of_a_user_is_asked_for() {
        let mut bob = User::new("bob").with_groups(["dev"]);
        bob.uid = "7".to_owned();
        bob.extra
            .insert("scopes".to_owned(), vec!["x".to_owned(), "y".to_owned()]);
        let cannot = "is forbidden: User \"a\" cannot impersonate resource";
        let extra = "in API group \"authentication.k8s.io\" at the cluster scope";
        assert_eq!(
            asked(&bob),
            [
                format!("users \"bob\" {cannot} \"users\" in API group \"\" at the cluster scope"),
                format!(
                    "groups \"dev\" {cannot} \"groups\" in API group \"\" at the cluster scope"
                ),
                format!(
                    "userextras.authentication.k8s.io \"x\" {cannot} \"userextras/scopes\" {extra}"
                ),
                format!(
                    "userextras.authentication.k8s.io \"y\" {cannot} \"userextras/scopes\" {extra}"
                ),
                format!("uids.authentication.k8s.io \"7\" {cannot} \"uids\" {extra}"),
            ]
        );
    }

    #[test]
    fn a_service_account_is_asked_for_in_its_namespace() {
        let [only] = &*asked(&User::new("system:serviceaccount:shop:bot")) else {
            panic!()
        };
        assert!(
            only.starts_with("serviceaccounts \"bot\" is forbidden"),
            "{only}"
        );
        assert!(only.ends_with("in the namespace \"shop\""), "{only}");
        let [only] = &*asked(&User::new("system:serviceaccount:shop:a:b")) else {
            panic!()
        };
        assert!(only.starts_with("users "), "{only}");
    }

    #[test]
    fn groups_nobody_asks_for_are_added() {
        let groups = |name: &str, groups: &[&str]| {
            as_user(&User::new(name).with_groups(groups.iter().copied())).groups
        };
        assert_eq!(groups("bob", &[]), [AUTHENTICATED]);
        assert_eq!(groups("bob", &["dev"]), ["dev", AUTHENTICATED]);
        assert_eq!(groups("bob", &[UNAUTHENTICATED]), [UNAUTHENTICATED]);
        assert_eq!(groups(ANONYMOUS, &[]), [UNAUTHENTICATED]);
        assert_eq!(
            groups("system:serviceaccount:shop:bot", &[]),
            [
                "system:serviceaccounts",
                "system:serviceaccounts:shop",
                AUTHENTICATED
            ]
        );
        assert_eq!(
            groups("system:serviceaccount:shop:bot", &["x"]),
            ["x", AUTHENTICATED]
        );
    }
}
