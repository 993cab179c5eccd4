//! The service account that everything happens with for an object.

use lode_cluster::{Client, Resource};

use crate::failure::Failure;

/// Returns the account named by an object, else the default of `--default-service-account`; none means the operator's
/// own rights. An empty name is none: it must not win over the default.
pub fn account<'a>(own: Option<&'a str>, default: Option<&'a str>) -> Option<&'a str> {
    let given = |name: &&str| !name.is_empty();
    own.filter(given).or_else(|| default.filter(given))
}

/// Returns whether the account of an object was deleted: nobody can act for the object any more.
///
/// # Errors
/// The API server could not be asked.
pub async fn is_account_gone(
    client: &Client,
    namespace: &str,
    account: Option<&str>,
) -> Result<bool, Failure> {
    let Some(account) = account else {
        return Ok(false);
    };
    let resource = Resource::service_accounts();
    match client.get(&resource, namespace, account).await {
        Ok(_) => Ok(false),
        Err(error) if error.is_not_found() => Ok(true),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_account_is_no_account_and_does_not_win_over_the_default() {
        for own in [None, Some("")] {
            assert_eq!(account(own, Some("default")), Some("default"));
            assert_eq!(account(own, Some("")), None);
            assert_eq!(account(own, None), None);
        }
        assert_eq!(account(Some("own"), Some("default")), Some("own"));
    }
}
