//! Workloads as a client sees them: they become ready, change, and end.

use serde_json::{Value, json};

use crate::client::{Client, is_true};

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";
const SETS: &str = "/apis/apps/v1/namespaces/default/replicasets";
const PODS: &str = "/api/v1/namespaces/default/pods";

fn template(app: &str, image: &str) -> Value {
    json!({"metadata": {"labels": {"app": app}}, "spec": {"containers": [{"name": "c", "image": image}]}})
}

fn set(kind: &str, name: &str, replicas: u32) -> Value {
    json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": {
        "replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template(name, "i:1")}})
}

fn count(list: &Value) -> usize {
    list["items"].as_array().map_or(0, Vec::len)
}

fn is_rolled_out(deployment: &Value, replicas: u32) -> bool {
    let status = &deployment["status"];
    let counts = [
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
    ];
    let progressing = status["conditions"].as_array().into_iter().flatten();
    status["observedGeneration"] == deployment["metadata"]["generation"]
        && counts.iter().all(|count| status[count] == replicas)
        && progressing
            .into_iter()
            .any(|condition| condition["reason"] == "NewReplicaSetAvailable")
        && is_true(deployment, "Available")
}

#[tokio::test]
async fn a_deployment_gets_available_rolls_over_is_scaled_and_goes() {
    let client = Client::start().await;
    let web = format!("{DEPLOYMENTS}/web");
    client
        .create(DEPLOYMENTS, &set("Deployment", "web", 2))
        .await;
    let deployment = client.wait(&web, |web| is_rolled_out(web, 2)).await;
    assert_eq!(
        deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
        "1"
    );
    assert_eq!(deployment["metadata"]["generation"], 1);
    let pods = client.get(PODS).await;
    assert_eq!(
        (count(&pods), &pods["items"][0]["spec"]["nodeName"]),
        (2, &json!("sandbox"))
    );
    assert!(
        is_true(&pods["items"][0], "PodScheduled") && is_true(&pods["items"][0], "Ready"),
        "{pods:#}"
    );

    client
        .patch(&web, &json!({"spec": {"template": template("web", "i:2")}}))
        .await;
    let deployment = client.wait(&web, |web| is_rolled_out(web, 2)).await;
    assert_eq!(
        deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
        "2"
    );
    let images = |pods: &Value| {
        pods["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|pod| pod["spec"]["containers"][0]["image"] == "i:2")
    };
    client
        .wait(PODS, |pods| count(pods) == 2 && images(pods))
        .await;
    assert_eq!(count(&client.get(SETS).await), 2);

    client
        .patch(&format!("{web}/scale"), &json!({"spec": {"replicas": 5}}))
        .await;
    client.wait(&web, |web| is_rolled_out(web, 5)).await;
    client
        .patch(&format!("{web}/scale"), &json!({"spec": {"replicas": 1}}))
        .await;
    client.wait(&web, |web| is_rolled_out(web, 1)).await;
    client.wait(PODS, |pods| count(pods) == 1).await;

    client.delete(&web, "Foreground").await;
    client.wait(&web, |web| web["code"] == 404).await;
    assert_eq!(
        (
            count(&client.get(SETS).await),
            count(&client.get(PODS).await)
        ),
        (0, 0)
    );
}

#[tokio::test]
async fn a_deployment_that_no_node_takes_waits() {
    let client = Client::start().await;
    let mut stuck = set("Deployment", "stuck", 1);
    stuck["spec"]["template"]["spec"]["nodeSelector"] = json!({"none": "such"});
    client.create(DEPLOYMENTS, &stuck).await;
    let stuck = client
        .wait(&format!("{DEPLOYMENTS}/stuck"), |stuck| {
            stuck["status"]["unavailableReplicas"] == 1
        })
        .await;
    assert!(
        !is_true(&stuck, "Available") && is_true(&stuck, "Progressing"),
        "{stuck:#}"
    );
    let pods = client
        .wait(PODS, |pods| {
            pods["items"][0]["status"]["conditions"].is_array()
        })
        .await;
    assert_eq!(
        pods["items"][0]["status"]["conditions"][0]["reason"],
        "Unschedulable"
    );
}

#[tokio::test]
async fn a_job_completes() {
    let client = Client::start().await;
    let jobs = "/apis/batch/v1/namespaces/default/jobs";
    let mut template = template("j", "i");
    template["spec"]["restartPolicy"] = "Never".into();
    let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}, "spec": {"completions": 2, "template": template}});
    client.create(jobs, &job).await;
    let job = client
        .wait(&format!("{jobs}/j"), |job| is_true(job, "Complete"))
        .await;
    assert_eq!(
        (&job["status"]["succeeded"], job["status"].get("active")),
        (&json!(2), None)
    );
    assert!(job["status"]["startTime"].is_string() && job["status"]["completionTime"].is_string());
}

#[tokio::test]
async fn numbered_pods_have_bound_claims_and_daemons_run() {
    let client = Client::start().await;
    let mut db = set("StatefulSet", "db", 2);
    db["spec"]["serviceName"] = "db".into();
    let spec =
        json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
    db["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "data"}, "spec": spec}]);
    let sets = "/apis/apps/v1/namespaces/default/statefulsets";
    client.create(sets, &db).await;
    let status = |db: &Value| {
        db["status"]["readyReplicas"] == 2
            && db["status"]["currentRevision"] == db["status"]["updateRevision"]
    };
    client.wait(&format!("{sets}/db"), status).await;
    client
        .wait(
            "/api/v1/namespaces/default/persistentvolumeclaims/data-db-1",
            |claim| claim["status"]["phase"] == "Bound",
        )
        .await;

    let before = client.get(&format!("{sets}/db")).await["status"]["updateRevision"].clone();
    client
        .patch(
            &format!("{sets}/db"),
            &json!({"spec": {"template": template("db", "i:2")}}),
        )
        .await;
    client
        .wait(&format!("{sets}/db"), |db| {
            db["status"]["updatedReplicas"] == 2
                && db["status"]["currentRevision"] != before
                && status(db)
        })
        .await;

    let mut agent = set("DaemonSet", "agent", 0);
    agent["spec"].as_object_mut().unwrap().remove("replicas");
    let sets = "/apis/apps/v1/namespaces/default/daemonsets";
    client.create(sets, &agent).await;
    client
        .wait(&format!("{sets}/agent"), |agent| {
            agent["status"]["numberReady"] == 1
        })
        .await;
}

#[tokio::test]
async fn a_budget_counts_its_pods() {
    let client = Client::start().await;
    let budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
    let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}});
    client.create(budgets, &budget).await;
    client
        .create(DEPLOYMENTS, &set("Deployment", "web", 3))
        .await;
    let budget = client
        .wait(&format!("{budgets}/web"), |budget| {
            budget["status"]["disruptionsAllowed"] == 2
        })
        .await;
    assert_eq!(budget["status"]["currentHealthy"], 3);
}

#[tokio::test]
async fn a_namespace_goes_with_all_that_runs_in_it() {
    let client = Client::start().await;
    client
        .create(
            "/api/v1/namespaces",
            &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}),
        )
        .await;
    client
        .create(
            "/apis/apps/v1/namespaces/shop/deployments",
            &set("Deployment", "web", 3),
        )
        .await;
    client
        .create(
            "/apis/apps/v1/namespaces/shop/statefulsets",
            &set("StatefulSet", "db", 2),
        )
        .await;
    client
        .wait("/apis/apps/v1/namespaces/shop/deployments/web", |web| {
            is_rolled_out(web, 3)
        })
        .await;
    client.delete("/api/v1/namespaces/shop", "Background").await;
    client
        .wait("/api/v1/namespaces/shop", |shop| shop["code"] == 404)
        .await;
    assert_eq!(count(&client.get("/api/v1/pods").await), 0);
}

#[tokio::test]
async fn a_thousand_deployments_get_available() {
    let client = Client::start().await;
    for number in 0..1000 {
        client
            .create(DEPLOYMENTS, &set("Deployment", &format!("web-{number}"), 1))
            .await;
    }
    let begun = std::time::Instant::now();
    // They are processed in the order of their names, so this one is among the last.
    client
        .wait(&format!("{DEPLOYMENTS}/web-999"), |web| {
            is_rolled_out(web, 1)
        })
        .await;
    let ready = |list: &Value| {
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|web| is_rolled_out(web, 1))
            .count()
    };
    client.wait(DEPLOYMENTS, |list| ready(list) == 1000).await;
    println!(
        "1000 deployments available {:?} after the last was created",
        begun.elapsed()
    );
}
