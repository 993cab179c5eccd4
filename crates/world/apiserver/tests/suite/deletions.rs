//! Every created object can be deleted: no finalizer stays for ever.

use hyper::Method;
use serde_json::{Value, json};

use crate::client::Client;

const JSON: &str = "application/json";

/// The path of a kind's objects, and its name.
struct Sort {
    api_version: String,
    kind: String,
    plural: String,
    is_namespaced: bool,
}

impl Sort {
    fn folder(&self, namespace: &str) -> String {
        let root = if self.api_version.contains('/') {
            "apis"
        } else {
            "api"
        };
        let place = if self.is_namespaced {
            format!("namespaces/{namespace}/")
        } else {
            String::new()
        };
        format!("/{root}/{}/{place}{}", self.api_version, self.plural)
    }

    /// Returns the smallest object of the kind.
    fn object(&self, name: &str) -> Value {
        let mut object = smallest(&self.kind);
        if self.kind == "HorizontalPodAutoscaler" {
            object = json!({"spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "x"}}});
        }
        if (&*self.api_version, &*self.kind) == ("events.k8s.io/v1", "Event") {
            let regarding = json!({"kind": "Pod", "name": "a", "namespace": "default"});
            object = json!({"eventTime": "2026-01-01T00:00:00.000000Z", "reportingController": "a.io/b", "action": "b",
                "reportingInstance": "c", "reason": "d", "type": "Normal", "regarding": regarding});
        }
        object["apiVersion"] = (&*self.api_version).into();
        object["kind"] = (&*self.kind).into();
        let own = match &*self.kind {
            "APIService" => "v1.zz.io",
            "CustomResourceDefinition" => "things.example.com",
            "IPAddress" => "10.96.0.77",
            _ => name,
        };
        object["metadata"]["name"] = own.into();
        object
    }
}

/// Returns what the objects of a kind need besides a name. A new kind that needs something fails
/// the tests until it is added here.
fn smallest(kind: &str) -> Value {
    let containers = json!([{"name": "c", "image": "i"}]);
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": containers}});
    let ending = json!({"spec": {"containers": containers, "restartPolicy": "Never"}});
    let workload = json!({"spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}});
    let role =
        json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"});
    let rule = json!({"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]});
    let webhooks = json!({"webhooks": [{"name": "a.b.c", "admissionReviewVersions": ["v1"], "sideEffects": "None",
        "clientConfig": {"url": "https://x.y/z"}, "rules": []}]});
    let claim =
        json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
    match kind {
        "Pod" => json!({"spec": {"containers": containers}}),
        "PodTemplate" => json!({ "template": template }),
        "Deployment" | "DaemonSet" | "ReplicaSet" | "StatefulSet" => workload,
        "ReplicationController" => json!({"spec": {"template": template}}),
        "Job" => json!({"spec": {"template": ending}}),
        "CronJob" => {
            json!({"spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": ending}}}})
        }
        "ControllerRevision" => json!({"revision": 1, "data": {"a": 1}}),
        "Service" => json!({"spec": {"ports": [{"port": 1}]}}),
        "PersistentVolumeClaim" => json!({ "spec": claim }),
        "PersistentVolume" => {
            json!({"spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}}})
        }
        "Event" => json!({"involvedObject": {"kind": "Pod", "name": "a", "namespace": "default"}}),
        "LimitRange" => json!({"spec": {"limits": [{"type": "Container", "max": {"cpu": "1"}}]}}),
        "Ingress" => {
            json!({"spec": {"defaultBackend": {"service": {"name": "s", "port": {"number": 1}}}}})
        }
        "IngressClass" => json!({"spec": {"controller": "x.io/y"}}),
        "IPAddress" => {
            json!({"spec": {"parentRef": {"resource": "services", "name": "s", "namespace": "default"}}})
        }
        "NetworkPolicy" => json!({"spec": {"podSelector": {}}}),
        "ServiceCIDR" => json!({"spec": {"cidrs": ["10.97.0.0/24"]}}),
        "PodDisruptionBudget" => {
            json!({"spec": {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}})
        }
        "CertificateSigningRequest" => {
            json!({"spec": {"request": REQUEST, "signerName": "a.io/b", "usages": ["client auth"]}})
        }
        "ClusterRoleBinding" | "RoleBinding" => json!({"roleRef": role, "subjects": []}),
        "CSIDriver" | "DeviceClass" | "ResourceClaim" => json!({"spec": {}}),
        "CSINode" => json!({"spec": {"drivers": []}}),
        "CSIStorageCapacity" => json!({"storageClassName": "s"}),
        "StorageClass" => json!({"provisioner": "p.io/q"}),
        "VolumeAttachment" => {
            json!({"spec": {"attacher": "a.io/b", "nodeName": "n", "source": {"persistentVolumeName": "v"}}})
        }
        "VolumeAttributesClass" => json!({"driverName": "d.io", "parameters": {"a": "b"}}),
        "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration" => webhooks,
        "ValidatingAdmissionPolicy" => {
            json!({"spec": {"matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": "true"}]}})
        }
        "ValidatingAdmissionPolicyBinding" => {
            json!({"spec": {"policyName": "p", "validationActions": ["Deny"]}})
        }
        "MutatingAdmissionPolicy" => {
            json!({"spec": {"matchConstraints": {"resourceRules": [rule]}, "reinvocationPolicy": "Never", "failurePolicy": "Fail",
            "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": "Object{}"}}]}})
        }
        "MutatingAdmissionPolicyBinding" => json!({"spec": {"policyName": "p"}}),
        "APIService" => {
            json!({"spec": {"group": "zz.io", "version": "v1", "groupPriorityMinimum": 1, "versionPriority": 1}})
        }
        "CustomResourceDefinition" => {
            json!({"spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}]}})
        }
        "PriorityClass" => json!({"value": 5}),
        "RuntimeClass" => json!({"handler": "h"}),
        "EndpointSlice" => json!({"addressType": "IPv4", "endpoints": []}),
        "ResourceClaimTemplate" => json!({"spec": {"spec": {}}}),
        "ResourceSlice" => {
            json!({"spec": {"driver": "d.io", "nodeName": "n", "pool": {"name": "p", "generation": 1, "resourceSliceCount": 1}, "devices": []}})
        }
        "FlowSchema" => json!({"spec": {"priorityLevelConfiguration": {"name": "x"}}}),
        "PriorityLevelConfiguration" => {
            json!({"spec": {"type": "Limited", "limited": {"nominalConcurrencyShares": 1, "limitResponse": {"type": "Reject"}}}})
        }
        _ => json!({}),
    }
}

/// A certificate signing request, as created by `openssl req`.
const REQUEST: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIR01HNENBUUF3RERFS01BZ0dBMVVFQXd3QllUQlpNQk1HQnlx\
    R1NNNDlBZ0VHQ0NxR1NNNDlBd0VIQTBJQQpCS3U5SE1qNFlIWEVadHN1c0hpL0RzY0RRa05tcWtXanNxY3lXaUpKYldGbThQTXlz\
    RjFxc2FKOEN1aGpnYjJvCk4vZzBxNVlFSGVXMmlUeXIvU2FPaUx1Z0FEQUtCZ2dxaGtqT1BRUURBZ05JQURCRkFpQnRVNFBkRzVR\
    eU5vM3cKcC91djNFK3VWcmVibUsrWG9rUEhkdDNUc1VNWlpRSWhBTUc0QUlFVnphTXg4SHp0dXhyR0dwM1FheXFQUEVWVgpkdDRC\
    SGc3UEhFL1gKLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg==";

/// Returns every kind whose objects can be created and deleted, according to the server.
async fn sorts(client: &Client) -> Vec<Sort> {
    let groups = client.get("/apis").await;
    let versions = groups["groups"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|group| group["versions"].as_array().unwrap());
    let versions = versions.map(|version| version["groupVersion"].as_str().unwrap().to_owned());
    let mut sorts = Vec::new();
    for version in std::iter::once("v1".to_owned()).chain(versions) {
        let root = if version.contains('/') { "apis" } else { "api" };
        let list = client.get(&format!("/{root}/{version}")).await;
        for resource in list["resources"].as_array().unwrap() {
            let can = |verb: &str| {
                resource["verbs"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|found| found == verb)
            };
            let plural = resource["name"].as_str().unwrap();
            if !plural.contains('/') && can("create") && can("delete") {
                sorts.push(Sort {
                    api_version: version.clone(),
                    kind: resource["kind"].as_str().unwrap().to_owned(),
                    plural: plural.to_owned(),
                    is_namespaced: resource["namespaced"] == true,
                });
            }
        }
    }
    sorts
}

#[tokio::test]
async fn an_object_of_every_kind_goes_however_it_is_deleted() {
    let client = Client::start().await;
    let sorts = sorts(&client).await;
    assert!(sorts.len() > 50, "{}", sorts.len());
    for propagation in ["Background", "Foreground", "Orphan"] {
        for sort in &sorts {
            let (folder, object) = (
                sort.folder("default"),
                sort.object(&propagation.to_lowercase()),
            );
            let (code, answer) = client.send(Method::POST, &folder, JSON, &object).await;
            assert_eq!(code, 201, "{} {}: {answer}", sort.api_version, sort.kind);
            let path = format!("{folder}/{}", object["metadata"]["name"].as_str().unwrap());
            client.delete(&path, propagation).await;
            client.wait(&path, |found| found["code"] == 404).await;
        }
    }
}

#[tokio::test]
async fn a_namespace_goes_with_an_object_of_every_kind_in_it() {
    let client = Client::start().await;
    client
        .create("/api/v1/namespaces", &json!({"metadata": {"name": "full"}}))
        .await;
    for sort in sorts(&client)
        .await
        .iter()
        .filter(|sort| sort.is_namespaced)
    {
        let mut object = sort.object("a");
        for reference in ["involvedObject", "regarding"] {
            if let Some(place) = object.get_mut(reference) {
                place["namespace"] = "full".into();
            }
        }
        let (code, answer) = client
            .send(Method::POST, &sort.folder("full"), JSON, &object)
            .await;
        assert!(
            code == 201 || answer["reason"] == "AlreadyExists",
            "{} {}: {answer}",
            sort.api_version,
            sort.kind
        );
    }
    client.delete("/api/v1/namespaces/full", "Background").await;
    client
        .wait("/api/v1/namespaces/full", |found| found["code"] == 404)
        .await;
}

#[tokio::test]
async fn a_claim_stays_while_a_pod_uses_it() {
    let client = Client::start().await;
    let (claims, pods) = (
        "/api/v1/namespaces/default/persistentvolumeclaims",
        "/api/v1/namespaces/default/pods",
    );
    let mut claim = smallest("PersistentVolumeClaim");
    claim["metadata"]["name"] = "data".into();
    client.create(claims, &claim).await;
    let mut pod = smallest("Pod");
    pod["metadata"]["name"] = "user".into();
    pod["spec"]["volumes"] = json!([{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]);
    client.create(pods, &pod).await;
    client
        .wait(&format!("{pods}/user"), |pod| {
            pod["spec"]["nodeName"].is_string()
        })
        .await;

    client.delete(&format!("{claims}/data"), "Background").await;
    // Another claim, deleted later, is gone: everything about the first one has been processed.
    claim["metadata"]["name"] = "other".into();
    client.create(claims, &claim).await;
    client
        .delete(&format!("{claims}/other"), "Background")
        .await;
    client
        .wait(&format!("{claims}/other"), |found| found["code"] == 404)
        .await;
    let held = client.get(&format!("{claims}/data")).await;
    assert_eq!(
        held["metadata"]["finalizers"],
        json!(["kubernetes.io/pvc-protection"]),
        "{held:#}"
    );

    client.delete(&format!("{pods}/user"), "Background").await;
    client
        .wait(&format!("{claims}/data"), |found| found["code"] == 404)
        .await;
}

#[tokio::test]
async fn a_volume_stays_while_it_is_bound() {
    let client = Client::start().await;
    let (claims, volumes) = (
        "/api/v1/namespaces/default/persistentvolumeclaims",
        "/api/v1/persistentvolumes",
    );
    let mut claim = smallest("PersistentVolumeClaim");
    claim["metadata"]["name"] = "data".into();
    client.create(claims, &claim).await;
    let mut volume = smallest("PersistentVolume");
    volume["metadata"]["name"] = "disk".into();
    volume["spec"]["claimRef"] =
        json!({"kind": "PersistentVolumeClaim", "namespace": "default", "name": "data"});
    client.create(volumes, &volume).await;
    client
        .patch(
            &format!("{volumes}/disk/status"),
            &json!({"status": {"phase": "Bound"}}),
        )
        .await;

    client
        .delete(&format!("{volumes}/disk"), "Background")
        .await;
    volume["metadata"]["name"] = "free".into();
    client.create(volumes, &volume).await;
    client
        .delete(&format!("{volumes}/free"), "Background")
        .await;
    client
        .wait(&format!("{volumes}/free"), |found| found["code"] == 404)
        .await;
    assert!(
        client.get(&format!("{volumes}/disk")).await["metadata"]["deletionTimestamp"].is_string()
    );

    client.delete(&format!("{claims}/data"), "Background").await;
    client
        .wait(&format!("{volumes}/disk"), |found| found["code"] == 404)
        .await;
}
