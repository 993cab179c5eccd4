//! Cells, kind by kind. The expected values were produced by Kubernetes' own printers (v1.36.4)
//! from the same objects.

use jiff::Timestamp;
use lode_describe::table::{self, Columns, IncludeObject, Options, Version};
use serde_json::{Value, json};

/// Returns the row of an object, ten days after the year began.
fn row(group_version: &str, kind: &str, rest: &Value) -> Value {
    let mut object = json!({
        "apiVersion": group_version, "kind": kind,
        "metadata": {"name": "x", "creationTimestamp": "2026-01-01T00:00:00Z"},
    });
    for (key, value) in rest.as_object().unwrap() {
        match (key.as_str(), value.as_object()) {
            ("metadata", Some(metadata)) => object[key]
                .as_object_mut()
                .unwrap()
                .extend(metadata.clone()),
            _ => object[key] = value.clone(),
        }
    }
    let now: Timestamp = "2026-01-11T00:00:00Z".parse().unwrap();
    let options = Options {
        now,
        include: IncludeObject::None,
        definitions: false,
        version: Version::V1,
    };
    let group = group_version.split_once('/').map_or("", |(group, _)| group);
    table::of(
        Columns::builtin(group, kind),
        &json!({}),
        [&object],
        &options,
    )["rows"][0]
        .clone()
}

/// Returns some cells of the row of an object.
fn cells<const N: usize>(
    group_version: &str,
    kind: &str,
    rest: &Value,
    places: [usize; N],
) -> [Value; N] {
    let row = row(group_version, kind, rest);
    places.map(|place| row["cells"][place].clone())
}

// --- pods ---

/// Returns ready, status and restarts of a pod with one container.
fn pod(status: &Value) -> [Value; 3] {
    cells(
        "v1",
        "Pod",
        &json!({"spec": {"containers": [{"name": "c"}]}, "status": status}),
        [1, 2, 3],
    )
}

/// The same of a pod that also has an init container and a sidecar.
fn pod_with_init(init: &Value, containers: &Value) -> [Value; 3] {
    let spec = json!({
        "containers": [{"name": "c"}], "initContainers": [{"name": "i"}, {"name": "s", "restartPolicy": "Always"}],
    });
    let started = json!([{"type": "Initialized", "status": "True"}]);
    let conditions = if containers.as_array().unwrap().is_empty() {
        json!([])
    } else {
        started
    };
    let status = json!({
        "phase": "Pending", "initContainerStatuses": init, "containerStatuses": containers, "conditions": conditions,
    });
    cells(
        "v1",
        "Pod",
        &json!({"spec": spec, "status": status}),
        [1, 2, 3],
    )
}

fn running(name: &str) -> Value {
    json!({"name": name, "ready": true, "started": true, "restartCount": 0, "state": {"running": {}}})
}

fn ended(name: &str, state: &Value) -> Value {
    json!({"name": name, "ready": false, "restartCount": 0, "state": {"terminated": state}})
}

#[test]
fn a_pod_is_what_its_containers_are() {
    let one = |state: Value| {
        pod(
            &json!({"phase": "Running", "containerStatuses": [{"restartCount": 5, "state": state}]}),
        )
    };
    assert_eq!(pod(&json!({"phase": "Pending"})), ["0/1", "Pending", "0"]);
    assert_eq!(
        one(json!({"waiting": {"reason": "CrashLoopBackOff"}})),
        ["0/1", "CrashLoopBackOff", "5"]
    );
    assert_eq!(
        one(json!({"terminated": {"exitCode": 1}})),
        ["0/1", "ExitCode:1", "5"]
    );
    assert_eq!(
        one(json!({"terminated": {"exitCode": 137, "signal": 9}})),
        ["0/1", "Signal:9", "5"]
    );
    assert_eq!(
        one(json!({"terminated": {"exitCode": 1, "reason": "OOMKilled"}})),
        ["0/1", "OOMKilled", "5"]
    );
    assert_eq!(
        pod(&json!({"phase": "Failed", "reason": "Evicted"})),
        ["0/1", "Evicted", "0"]
    );
    let gated = json!([{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]);
    assert_eq!(
        pod(&json!({"phase": "Pending", "conditions": gated})),
        ["0/1", "SchedulingGated", "0"]
    );
}

#[test]
fn a_pod_one_of_whose_containers_is_done_goes_by_the_others() {
    let done = ended("c", &json!({"exitCode": 0, "reason": "Completed"}));
    let two = |second: Value, ready: &str| {
        let conditions = json!([{"type": "Ready", "status": ready}]);
        let status = json!({"phase": "Running", "containerStatuses": [done, second], "conditions": conditions});
        cells(
            "v1",
            "Pod",
            &json!({"spec": {"containers": [{}, {}]}, "status": status}),
            [1, 2],
        )
    };
    assert_eq!(two(running("d"), "True"), ["1/2", "Running"]);
    assert_eq!(two(running("d"), "False"), ["1/2", "NotReady"]);
    assert_eq!(
        two(
            ended("d", &json!({"exitCode": 2, "reason": "Error"})),
            "False"
        ),
        ["0/2", "Error"]
    );
}

#[test]
fn restarts_tell_when_the_last_one_was() {
    let status = json!({"phase": "Running", "containerStatuses": [{
        "ready": true, "restartCount": 3, "state": {"running": {}},
        "lastState": {"terminated": {"exitCode": 1, "finishedAt": "2026-01-10T00:00:00Z"}},
    }]});
    assert_eq!(pod(&status), ["1/1", "Running", "3 (24h ago)"]);
}

#[test]
fn a_pod_whose_init_containers_are_at_work_tells_how_far_they_are() {
    let first = |state: Value| {
        pod_with_init(
            &json!([{"name": "i", "restartCount": 4, "state": state}]),
            &json!([]),
        )
    };
    assert_eq!(first(json!({"running": {}})), ["0/2", "Init:0/2", "4"]);
    assert_eq!(
        first(json!({"waiting": {"reason": "PodInitializing"}})),
        ["0/2", "Init:0/2", "4"]
    );
    assert_eq!(
        first(json!({"waiting": {"reason": "ImagePullBackOff"}})),
        ["0/2", "Init:ImagePullBackOff", "4"]
    );
    assert_eq!(
        first(json!({"terminated": {"exitCode": 1}})),
        ["0/2", "Init:ExitCode:1", "4"]
    );
    assert_eq!(
        first(json!({"terminated": {"exitCode": 1, "signal": 6}})),
        ["0/2", "Init:Signal:6", "4"]
    );
    assert_eq!(
        first(json!({"terminated": {"exitCode": 1, "reason": "Error"}})),
        ["0/2", "Init:Error", "4"]
    );
}

#[test]
fn a_sidecar_counts_among_the_containers() {
    let done = ended("i", &json!({"exitCode": 0}));
    let both = pod_with_init(&json!([done, running("s")]), &json!([running("c")]));
    assert_eq!(both, ["2/2", "Pending", "0"]);
    assert_eq!(
        pod_with_init(
            &json!([done, ended("s", &json!({"exitCode": 3}))]),
            &json!([])
        ),
        ["0/2", "Init:ExitCode:3", "0"]
    );
}

#[test]
fn a_pod_that_is_deleted_says_so_unless_it_is_over() {
    let deleted = |status: Value| {
        let metadata = json!({"deletionTimestamp": "2026-01-02T00:00:00Z"});
        cells(
            "v1",
            "Pod",
            &json!({"metadata": metadata, "status": status}),
            [2],
        )
    };
    assert_eq!(deleted(json!({"phase": "Running"})), ["Terminating"]);
    assert_eq!(deleted(json!({"phase": "Succeeded"})), ["Succeeded"]);
    assert_eq!(
        deleted(json!({"phase": "Running", "reason": "NodeLost"})),
        ["Unknown"]
    );
}

#[test]
fn a_pod_tells_more_when_asked() {
    let spec = json!({"nodeName": "n", "readinessGates": [{"conditionType": "a"}, {"conditionType": "b"}]});
    let status = json!({"podIPs": [{"ip": "10.0.0.1"}, {"ip": "f::1"}], "conditions": [{"type": "a", "status": "True"}]});
    let wide = cells(
        "v1",
        "Pod",
        &json!({"spec": spec, "status": status}),
        [4, 5, 6, 7, 8],
    );
    assert_eq!(wide, ["10d", "10.0.0.1", "n", "<none>", "1/2"]);
    assert_eq!(
        cells("v1", "Pod", &json!({}), [5, 6, 8]),
        ["<none>", "<none>", "<none>"]
    );
}

#[test]
fn the_row_of_a_pod_that_is_over_is_marked() {
    let row = row("v1", "Pod", &json!({"status": {"phase": "Failed"}}));
    let mark = json!([{"type": "Completed", "status": "True", "reason": "Failed", "message": "The pod failed."}]);
    assert_eq!(row["conditions"], mark);
    assert_eq!(
        self::row("v1", "Pod", &json!({"status": {"phase": "Running"}})).get("conditions"),
        None
    );
}

// --- workloads ---

#[test]
fn a_job_tells_its_state_progress_and_duration() {
    let job = |conditions: Value, spec: Value| {
        let status = json!({
            "conditions": conditions, "succeeded": 1,
            "startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T00:03:05Z",
        });
        cells(
            "batch/v1",
            "Job",
            &json!({"spec": spec, "status": status}),
            [1, 2, 3],
        )
    };
    let is = |kind: &str| json!([{"type": kind, "status": "True"}]);
    assert_eq!(
        job(is("Complete"), json!({"completions": 2})),
        ["Complete", "1/2", "3m5s"]
    );
    assert_eq!(
        job(is("Suspended"), json!({"parallelism": 3})),
        ["Suspended", "1/1 of 3", "3m5s"]
    );
    assert_eq!(
        job(is("FailureTarget"), json!({"parallelism": 1})),
        ["FailureTarget", "1/1", "3m5s"]
    );
    assert_eq!(
        job(json!([{"type": "Failed", "status": "False"}]), json!({}))[0],
        "Running"
    );
    assert_eq!(cells("batch/v1", "Job", &json!({}), [3]), [""]);
    let started = json!({"status": {"startTime": "2026-01-10T23:00:00Z"}});
    assert_eq!(cells("batch/v1", "Job", &started, [3]), ["60m"]);
}

#[test]
fn a_selector_reads_as_a_query() {
    let selector = json!({
        "matchLabels": {"q": "1"},
        "matchExpressions": [
            {"key": "z", "operator": "In", "values": ["b", "a"]}, {"key": "k", "operator": "Exists"},
            {"key": "l", "operator": "DoesNotExist"}, {"key": "m", "operator": "NotIn", "values": ["x"]},
        ],
    });
    let containers = json!([{"name": "a", "image": "i"}, {"name": "b", "image": "j"}]);
    let spec = json!({"selector": selector, "template": {"spec": {"containers": containers}}});
    let shown = cells("apps/v1", "ReplicaSet", &json!({"spec": spec}), [5, 6, 7]);
    assert_eq!(shown, ["a,b", "i,j", "k,!l,m notin (x),q=1,z in (a,b)"]);
    assert_eq!(cells("apps/v1", "ReplicaSet", &json!({}), [7]), ["<none>"]);
    assert_eq!(cells("apps/v1", "Deployment", &json!({}), [7]), [""]);
}

#[test]
fn a_cron_job_tells_when_it_ran() {
    let object = json!({
        "spec": {"schedule": "* * * * *", "suspend": true},
        "status": {"active": [{}, {}], "lastScheduleTime": "2026-01-10T23:59:00Z"},
    });
    let shown = cells("batch/v1", "CronJob", &object, [1, 2, 3, 4, 5]);
    assert_eq!(
        shown,
        [
            json!("* * * * *"),
            json!("<none>"),
            json!("True"),
            json!(2),
            json!("60s")
        ]
    );
}

#[test]
fn a_revision_names_whom_it_belongs_to() {
    let owner =
        json!([{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "d", "controller": true}]);
    let object = json!({"revision": 4, "metadata": {"ownerReferences": owner}});
    assert_eq!(
        cells("apps/v1", "ControllerRevision", &object, [1, 2]),
        [json!("daemonset.apps/d"), json!(4)]
    );
    assert_eq!(
        cells("apps/v1", "ControllerRevision", &json!({}), [1]),
        ["<none>"]
    );
}

#[test]
fn an_autoscaler_tells_what_is_against_what_should_be() {
    let v2 = |metric: Value, found: Value| {
        let object = json!({"spec": {"metrics": [metric]}, "status": {"currentMetrics": [found]}});
        cells("autoscaling/v2", "HorizontalPodAutoscaler", &object, [2])[0].clone()
    };
    let cpu = json!({"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 50}}});
    let used = json!({"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 20}}});
    assert_eq!(v2(cpu.clone(), used), "cpu: 20%/50%");
    assert_eq!(v2(cpu.clone(), json!(null)), "cpu: <unknown>/50%");
    let external = |target: Value| json!({"type": "External", "external": {"target": target}});
    let found = json!({"external": {"current": {"value": "4", "averageValue": "3"}}});
    assert_eq!(
        v2(external(json!({"averageValue": "10"})), found.clone()),
        "3/10 (avg)"
    );
    assert_eq!(v2(external(json!({"value": "10"})), found), "4/10");
    let pods = json!({"type": "Pods", "pods": {"target": {"averageValue": "10"}}});
    assert_eq!(
        v2(pods, json!({"pods": {"current": {"averageValue": "3"}}})),
        "3/10"
    );
    let many = json!({"spec": {"metrics": [cpu, cpu, cpu, cpu]}});
    let shown = cells("autoscaling/v2", "HorizontalPodAutoscaler", &many, [2]);
    assert_eq!(
        shown,
        ["cpu: <unknown>/50%, cpu: <unknown>/50% + 2 more..."]
    );
    let v1 = json!({
        "spec": {"targetCPUUtilizationPercentage": 60, "scaleTargetRef": {"kind": "Deployment", "name": "web"}},
        "status": {"currentCPUUtilizationPercentage": 12},
    });
    assert_eq!(
        cells("autoscaling/v1", "HorizontalPodAutoscaler", &v1, [1, 2]),
        ["Deployment/web", "cpu: 12%/60%"]
    );
    assert_eq!(
        cells(
            "autoscaling/v1",
            "HorizontalPodAutoscaler",
            &json!({}),
            [2, 3]
        ),
        ["<none>", "<unset>"]
    );
}

// --- network ---

#[test]
fn a_service_tells_its_addresses_by_type() {
    let service = |kind: &str, external: Value, balancer: Value| {
        let ports = json!([{"port": 80, "protocol": "TCP"}, {"port": 443, "nodePort": 30001, "protocol": "UDP"}]);
        let spec = json!({"type": kind, "clusterIPs": ["10.0.0.1"], "externalIPs": external, "ports": ports});
        let status = json!({"loadBalancer": {"ingress": balancer}});
        cells(
            "v1",
            "Service",
            &json!({"spec": spec, "status": status}),
            [2, 3, 4],
        )
    };
    let row = |external: &str| ["10.0.0.1", external, "80/TCP,443:30001/UDP"].map(Value::from);
    let balancer =
        json!([{"hostname": "b.example"}, {"ip": "9.9.9.9"}, {"ip": "9.9.9.9", "hostname": "z"}]);
    assert_eq!(service("ClusterIP", json!([]), json!([])), row("<none>"));
    assert_eq!(
        service("NodePort", json!(["1.1.1.1", "2.2.2.2"]), json!([])),
        row("1.1.1.1,2.2.2.2")
    );
    assert_eq!(
        service("LoadBalancer", json!([]), json!([])),
        row("<pending>")
    );
    assert_eq!(
        service("LoadBalancer", json!([]), balancer.clone()),
        row("9.9.9.9,b.example")
    );
    assert_eq!(
        service("LoadBalancer", json!(["1.1.1.1"]), balancer),
        row("9.9.9.9,b.example,1.1.1.1")
    );
    let named = json!({"spec": {"type": "ExternalName", "externalName": "ex.com"}});
    assert_eq!(
        cells("v1", "Service", &named, [2, 3, 4]),
        ["<none>", "ex.com", "<none>"]
    );
}

#[test]
fn endpoints_show_three_and_count_the_rest() {
    let endpoints =
        |subsets: Value| cells("v1", "Endpoints", &json!({"subsets": subsets}), [1])[0].clone();
    let addresses = |ips: &[&str]| ips.iter().map(|ip| json!({"ip": ip})).collect::<Value>();
    assert_eq!(endpoints(json!([])), "<none>");
    assert_eq!(
        endpoints(json!([{"addresses": addresses(&["1.1.1.1"])}])),
        "1.1.1.1"
    );
    let two = json!([{"addresses": addresses(&["1.1.1.1", "f::2"]), "ports": [{"port": 80}, {"port": 81}]}]);
    assert_eq!(
        endpoints(two),
        "1.1.1.1:80,[f::2]:80,1.1.1.1:81 + 1 more..."
    );
    assert_eq!(
        endpoints(json!([{"notReadyAddresses": addresses(&["1.1.1.1"]), "ports": [{"port": 80}]}])),
        ""
    );
    let slice = json!({
        "addressType": "IPv4", "ports": [{"port": 1}, {"name": "x"}, {"port": 3, "name": "y"}, {"port": 4}],
        "endpoints": [{"addresses": ["1.1.1.1"]}, {"addresses": ["2.2.2.2"]}],
    });
    let shown = cells("discovery.k8s.io/v1", "EndpointSlice", &slice, [1, 2, 3]);
    assert_eq!(shown, ["IPv4", "1,x,3 + 1 more...", "1.1.1.1,2.2.2.2"]);
    assert_eq!(
        cells("discovery.k8s.io/v1", "EndpointSlice", &json!({}), [2, 3]),
        ["<unset>", "<unset>"]
    );
}

#[test]
fn an_ingress_shows_three_hosts_and_counts_the_rest() {
    let hosts = |hosts: &[&str]| {
        let rules: Value = hosts.iter().map(|host| json!({"host": host})).collect();
        cells(
            "networking.k8s.io/v1",
            "Ingress",
            &json!({"spec": {"rules": rules}}),
            [2],
        )[0]
        .clone()
    };
    assert_eq!(hosts(&[]), "*");
    assert_eq!(hosts(&["a", "b"]), "a,b");
    assert_eq!(hosts(&["a", "", "b", "c", "d"]), "a,b,c + 2 more...");
    let object = json!({
        "spec": {"tls": [{}], "ingressClassName": "nginx"}, "status": {"loadBalancer": {"ingress": [{"hostname": "h"}]}},
    });
    assert_eq!(
        cells("networking.k8s.io/v1", "Ingress", &object, [1, 3, 4]),
        ["nginx", "h", "80, 443"]
    );
    assert_eq!(
        cells("networking.k8s.io/v1", "Ingress", &json!({}), [1, 3, 4]),
        ["<none>", "", "80"]
    );
}

#[test]
fn the_default_of_a_kind_is_named_so() {
    let annotated = |key: &str| json!({"metadata": {"annotations": {key: "true"}}});
    let class = annotated("storageclass.kubernetes.io/is-default-class");
    assert_eq!(
        cells("storage.k8s.io/v1", "StorageClass", &class, [0, 2]),
        ["x (default)", "Delete"]
    );
    let class = annotated("ingressclass.kubernetes.io/is-default-class");
    assert_eq!(
        cells("networking.k8s.io/v1", "IngressClass", &class, [0, 2]),
        ["x (default)", "<none>"]
    );
    let class = json!({"spec": {"parameters": {"kind": "K", "name": "n", "apiGroup": "g"}}});
    assert_eq!(
        cells("networking.k8s.io/v1", "IngressClass", &class, [0, 2]),
        ["x", "K.g/n"]
    );
}

// --- the rest ---

#[test]
fn a_node_tells_whether_it_takes_pods() {
    let object = json!({
        "metadata": {"labels": {
            "node-role.kubernetes.io/control-plane": "", "node-role.kubernetes.io/": "", "kubernetes.io/role": "z",
        }},
        "spec": {"unschedulable": true},
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}], "addresses": [{"type": "InternalIP", "address": "1.1.1.1"}],
            "nodeInfo": {"kernelVersion": "6", "architecture": "amd64", "kubeletVersion": "v1"},
        },
    });
    let shown = cells("v1", "Node", &object, [1, 2, 4, 5, 6, 7, 8]);
    let expected = [
        "Ready,SchedulingDisabled",
        "control-plane,z",
        "v1",
        "1.1.1.1",
        "<none>",
        "<unknown>",
        "6 (amd64)",
    ];
    assert_eq!(shown, expected);
    assert_eq!(
        cells("v1", "Node", &json!({}), [1, 2, 8]),
        ["Unknown", "<none>", "<unknown>"]
    );
}

#[test]
fn an_event_of_either_form_tells_when_what_and_who() {
    let core = json!({
        "involvedObject": {"kind": "Pod", "name": "p", "fieldPath": "f"}, "message": " hi \n", "count": 3,
        "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-10T23:59:57Z",
        "source": {"component": "k", "host": "h"},
    });
    let shown =
        |version: &str, event: &Value| cells(version, "Event", event, [0, 3, 4, 5, 6, 7, 8]);
    let texts = |texts: [&str; 6], count: i64| {
        let all: Vec<Value> = texts
            .map(Value::from)
            .into_iter()
            .chain([json!(count)])
            .collect();
        <[Value; 7]>::try_from(all).unwrap()
    };
    assert_eq!(
        shown("v1", &core),
        texts(["3s", "pod/p", "f", "k, h", "hi", "10d"], 3)
    );
    let own = json!({
        "regarding": {"kind": "Pod"}, "note": "n", "reportingController": "rc", "reportingInstance": "ri",
        "eventTime": "2026-01-10T23:59:00.000000Z",
    });
    assert_eq!(
        shown("events.k8s.io/v1", &own),
        texts(["60s", "pod", "", "rc, ri", "n", "60s"], 1)
    );
    let mut series = own.clone();
    series["series"] = json!({"count": 7, "lastObservedTime": "2026-01-10T23:59:59.000000Z"});
    assert_eq!(
        shown("events.k8s.io/v1", &series),
        texts(["1s", "pod", "", "rc, ri", "n", "60s"], 7)
    );
}

#[test]
fn a_claim_tells_its_volume_once_it_has_one() {
    let claim = |spec: Value| {
        let status = json!({
            "phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteMany", "ReadWriteOnce"],
        });
        cells(
            "v1",
            "PersistentVolumeClaim",
            &json!({"spec": spec, "status": status}),
            [1, 2, 3, 4, 5, 8],
        )
    };
    let bound = json!({"volumeName": "pv", "volumeMode": "Block", "storageClassName": "s"});
    assert_eq!(
        claim(bound),
        ["Bound", "pv", "1Gi", "RWO,RWX", "s", "Block"]
    );
    assert_eq!(claim(json!({})), ["Bound", "", "", "", "", "<unset>"]);
    let volume = json!({
        "metadata": {"deletionTimestamp": "2026-01-02T00:00:00Z"},
        "spec": {"claimRef": {"namespace": "a", "name": "b"}, "accessModes": ["ReadWriteOncePod"]},
    });
    assert_eq!(
        cells("v1", "PersistentVolume", &volume, [1, 2, 4, 5]),
        ["0", "RWOP", "Terminating", "a/b"]
    );
}

#[test]
fn a_quota_tells_requests_and_limits_apart() {
    let status = json!({
        "hard": {"pods": "10", "limits.cpu": "2", "requests.cpu": "1", "limits.memory": "1Gi"},
        "used": {"pods": "3", "limits.cpu": "500m"},
    });
    let shown = cells("v1", "ResourceQuota", &json!({"status": status}), [1, 2]);
    assert_eq!(
        shown,
        [
            "pods: 3/10, requests.cpu: 0/1",
            "limits.cpu: 500m/2, limits.memory: 0/1Gi"
        ]
    );
}

#[test]
fn a_binding_tells_its_subjects_by_kind() {
    let subjects = json!([
        {"kind": "User", "name": "u"}, {"kind": "User", "name": "v"}, {"kind": "Group", "name": "g"},
        {"kind": "ServiceAccount", "name": "s", "namespace": "n"},
    ]);
    let object = json!({"roleRef": {"kind": "Role", "name": "r"}, "subjects": subjects});
    let shown = cells(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        &object,
        [1, 3, 4, 5],
    );
    assert_eq!(shown, ["Role/r", "u, v", "g", "n/s"]);
}

#[test]
fn a_budget_says_what_it_does_not_limit() {
    let object = json!({"spec": {"minAvailable": "50%"}, "status": {"disruptionsAllowed": 2}});
    let shown = cells("policy/v1", "PodDisruptionBudget", &object, [1, 2, 3]);
    assert_eq!(shown, [json!("50%"), json!("N/A"), json!(2)]);
    assert_eq!(
        cells(
            "policy/v1",
            "PodDisruptionBudget",
            &json!({"spec": {"maxUnavailable": 1}}),
            [1, 2]
        ),
        ["N/A", "1"]
    );
}

#[test]
fn a_certificate_request_tells_what_became_of_it() {
    let state = |conditions: &[&str], certificate: &str| {
        let conditions: Value = conditions
            .iter()
            .map(|kind| json!({"type": kind}))
            .collect();
        let status = json!({"conditions": conditions, "certificate": certificate});
        let object = json!({"spec": {"expirationSeconds": 3600}, "status": status});
        cells(
            "certificates.k8s.io/v1",
            "CertificateSigningRequest",
            &object,
            [4, 5],
        )
    };
    assert_eq!(state(&[], ""), ["60m", "Pending"]);
    assert_eq!(state(&["Approved"], "AA=="), ["60m", "Approved,Issued"]);
    assert_eq!(
        state(&["Approved", "Denied", "Failed"], ""),
        ["60m", "Denied,Failed"]
    );
}
