//! What a step asks of its run, as clients read it.

use chiffon_kernel::domain::role::Role;
use serde_json::{Value, json};

use super::App;

#[tokio::test]
async fn what_a_step_asks_of_its_run_and_which_of_its_tasks_one_is_can_be_read() {
    let app = App::start().await;
    let (ada, joan) = (app.token("ada", Role::Requester).await, app.token("joan", Role::Approver).await);
    app.announce().await;
    let (id, sha256) = app.proposed(&ada).await;
    let read = async || app.get(&format!("/request/{id}"), &ada).await.ok();
    let asked = |shown: &Value| ["when", "on_failure", "retry"].map(|name| shown["plan"]["steps"][0][name].clone());
    assert_eq!(asked(&read().await), [Value::Null, Value::Null, Value::Null], "a step that asks nothing says nothing");

    let retry = json!({"max_attempts": 3, "initial_delay_seconds": 1, "max_delay_seconds": 8, "jitter": false, "on": ["transient"]});
    let asks = json!({"when": "${steps.look.outputs.found}", "on_failure": "continue", "retry": retry});
    let decision = json!({"request_id": id, "plan_sha256": sha256, "decision": "approve"});
    app.post("/approve", &joan, &decision).await.ok();
    // No planner makes such plans yet.
    app.sql(&format!(
        "SET session_replication_role = replica;
        UPDATE plans SET body = jsonb_set(body, '{{steps,0}}', body #> '{{steps,0}}' || '{asks}');
        UPDATE tasks SET step_id = step_id || '.1', iteration = 1, consequence = 'continue';
        RESET session_replication_role"
    ))
    .await;
    let shown = read().await;
    assert_eq!(asked(&shown), [asks["when"].clone(), asks["on_failure"].clone(), retry]);
    let (step, task) = (&shown["plan"]["steps"][0], &shown["tasks"][0]);
    assert_eq!((&task["step_id"], &task["iteration"], &task["consequence"]), (&step["step_id"], &json!(1), &json!("continue")));
    let one = app.get(&format!("/tasks/{}", task["task_id"].as_str().expect("an id")), &ada).await.ok();
    assert_eq!((&one["step_id"], &one["iteration"]), (&step["step_id"], &json!(1)));
}
