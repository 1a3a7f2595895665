//! An action's parameters as one types them: `name=value`, read by the action's schema, and `name:=JSON` as it stands.

use serde_json::{Map, Value, json};

use crate::args::Request;
use crate::client::{Api, rows};
use crate::exit::Failure;

/// What `POST /request` takes for the action of these arguments. What the schema does not know is sent as text, and refused with the rest.
pub async fn asked(api: &Api, name: &str, args: &Request) -> Result<Value, Failure> {
    let listed = api.get("/actions", &[]).await?;
    let schema = rows(&listed).find(|action| action["name"] == name).map(|action| action["parameters"].clone()).unwrap_or_default();
    let hosts: Vec<&str> = args.on.iter().map(|host| host.trim()).filter(|host| !host.is_empty()).collect();
    Ok(json!({"name": name, "hosts": hosts, "parameters": read(&args.parameters, &schema)?}))
}

/// All of them. A list may be said with commas, or item by item.
fn read(said: &[String], schema: &Value) -> Result<Map<String, Value>, Failure> {
    let mut parameters = Map::new();
    for one in said {
        let (name, value) = split(one)?;
        let schema = &schema["properties"][name.as_str()];
        let value = match value {
            Said::Json(text) => serde_json::from_str(&text)
                .map_err(|error| Failure::usage(format!("`-p {name}:=…` is no JSON: {error}; text is said with `{name}=…`")))?,
            Said::Text(text) => typed(&text, schema),
        };
        match parameters.get_mut(&name) {
            None => {
                parameters.insert(name, value);
            }
            Some(Value::Array(items)) if is(schema, "array") => match value {
                Value::Array(more) => items.extend(more),
                one => items.push(one),
            },
            Some(_) => return Err(Failure::usage(format!("`{name}` is said twice; say it once"))),
        }
    }
    Ok(parameters)
}

enum Said {
    Text(String),
    Json(String),
}

fn split(said: &str) -> Result<(String, Said), Failure> {
    let (name, value) = said.split_once('=').filter(|(name, _)| !name.trim_end_matches(':').is_empty()).ok_or_else(|| {
        Failure::usage(format!("`-p {said}` has no name or no value; write `-p name=value`, or `-p name:=JSON` for lists and objects"))
    })?;
    Ok(match name.strip_suffix(':') {
        Some(name) => (name.to_owned(), Said::Json(value.to_owned())),
        None => (name.to_owned(), Said::Text(value.to_owned())),
    })
}

/// The text as a value of this schema; as text where it is none, so that the answer says what is wrong.
fn typed(text: &str, schema: &Value) -> Value {
    let parsed = || serde_json::from_str::<Value>(text).ok();
    let as_text = || json!(text);
    if is(schema, "string") || schema.get("enum").is_some_and(|values| values.as_array().is_some_and(|all| all.contains(&as_text()))) {
        return as_text();
    }
    if is(schema, "array") {
        if let Some(list @ Value::Array(_)) = parsed() {
            return list;
        }
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        return items.map(|item| typed(item, &schema["items"])).collect();
    }
    if is(schema, "boolean") {
        return match text.to_lowercase().as_str() {
            "true" | "yes" | "on" => json!(true),
            "false" | "no" | "off" => json!(false),
            _ => as_text(),
        };
    }
    parsed().unwrap_or_else(as_text)
}

/// Whether a schema takes values of this type.
fn is(schema: &Value, wanted: &str) -> bool {
    match &schema["type"] {
        Value::String(one) => one == wanted,
        Value::Array(several) => several.iter().any(|one| one == wanted),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Value {
        json!({"properties": {
            "container": {"type": "string"}, "port": {"type": "integer"}, "ratio": {"type": "number"}, "start": {"type": "boolean"},
            "ports": {"type": "array", "items": {"type": "integer"}}, "names": {"type": "array", "items": {"type": "string"}},
            "portal": {"type": "object"}}})
    }

    fn reads(said: &[&str]) -> Result<Value, String> {
        let said: Vec<String> = said.iter().map(|one| (*one).to_owned()).collect();
        read(&said, &schema()).map(Value::Object).map_err(|failure| failure.message)
    }

    #[test]
    fn values_are_read_by_their_schema() {
        let said = ["container=8080", "port=8080", "ratio=0.5", "start=yes", "ports=80, 443", "names=a,b", "portal={\"name\": \"x\"}"];
        let expected = json!({"container": "8080", "port": 8080, "ratio": 0.5, "start": true, "ports": [80, 443], "names": ["a", "b"],
            "portal": {"name": "x"}});
        assert_eq!(reads(&said), Ok(expected));
        assert_eq!(reads(&["container=a=b", "colour=red", "size=3"]), Ok(json!({"container": "a=b", "colour": "red", "size": 3})));
    }

    #[test]
    fn a_list_grows_item_by_item_and_json_stands_as_it_is() {
        assert_eq!(reads(&["ports=80", "ports=443"]), Ok(json!({"ports": [80, 443]})));
        assert_eq!(reads(&["names=[\"a,b\"]"]), Ok(json!({"names": ["a,b"]})));
        assert_eq!(reads(&["container:=8080", "portal:={}"]), Ok(json!({"container": 8080, "portal": {}})));
    }

    #[test]
    fn what_is_no_value_of_its_type_is_sent_as_it_was_typed() {
        assert_eq!(reads(&["port=many", "start=perhaps"]), Ok(json!({"port": "many", "start": "perhaps"})));
    }

    #[test]
    fn what_can_not_be_read_is_told_with_how_to_say_it() {
        for (said, told) in [
            (&["kuma"][..], "write `-p name=value`"),
            (&["=kuma"], "write `-p name=value`"),
            (&["container=a", "container=b"], "`container` is said twice"),
            (&["port:=x"], "`-p port:=…` is no JSON"),
        ] {
            let refused = reads(said).expect_err("it is refused");
            assert!(refused.contains(told), "{said:?}: {refused}");
        }
    }
}
