//! The broker's management API: virtual hosts, and what the broker says it has.

use std::time::Duration;

use chiffon_process::bounded;
use reqwest::{Client, Method, Url};
use serde_json::{Value, json};

use crate::NodeError;

/// A thousand messages of the largest size that Chiffon sends are less.
const LONGEST_ANSWER_BYTES: usize = 256 * 1024 * 1024;

/// A client of the management API.
#[derive(Debug, Clone)]
pub struct Management {
    client: Client,
    base: Url,
}

impl Management {
    /// The API at `http://user:password@host:port`.
    pub fn at(url: &str) -> Result<Self, NodeError> {
        let invalid = |why: String| NodeError::Management { what: "be reached".to_owned(), why };
        let base = Url::parse(url).map_err(|error| invalid(format!("`{url}` is no URL: {error}")))?;
        // The client asks for a TLS provider even where it speaks plain HTTP; a second installation changes nothing.
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = Client::builder().timeout(Duration::from_secs(20)).no_proxy().tls_certs_only([]).build();
        Ok(Self { client: client.map_err(|error| invalid(error.to_string()))?, base })
    }

    /// Makes a virtual host in which the URL's user may do everything.
    pub async fn create_vhost(&self, name: &str) -> Result<(), NodeError> {
        self.call(Method::PUT, &["vhosts", name], Some(json!({}))).await?;
        let everything = json!({"configure": ".*", "write": ".*", "read": ".*"});
        self.call(Method::PUT, &["permissions", name, self.base.username()], Some(everything)).await?;
        Ok(())
    }

    /// Removes a virtual host with all that is in it.
    pub async fn delete_vhost(&self, name: &str) -> Result<(), NodeError> {
        self.call(Method::DELETE, &["vhosts", name], None).await.map(drop)
    }

    /// The queues of a virtual host: an array of objects with `name`, `type`, `durable`, `exclusive`, `auto_delete`, `arguments` and more.
    pub async fn queue_arguments(&self, vhost: &str) -> Result<Value, NodeError> {
        self.call(Method::GET, &["queues", vhost], None).await
    }

    /// The exchanges of a virtual host, the broker's own included.
    pub async fn exchanges(&self, vhost: &str) -> Result<Value, NodeError> {
        self.call(Method::GET, &["exchanges", vhost], None).await
    }

    /// The bindings of a virtual host, those to the default exchange included.
    pub async fn bindings(&self, vhost: &str) -> Result<Value, NodeError> {
        self.call(Method::GET, &["bindings", vhost], None).await
    }

    /// The names of the connections that the broker knows of; it learns of a new one after some seconds.
    pub async fn connections(&self) -> Result<Vec<String>, NodeError> {
        let connections = self.call(Method::GET, &["connections"], None).await?;
        let names = connections.as_array().into_iter().flatten().filter_map(|one| one["name"].as_str().map(str::to_owned));
        Ok(names.collect())
    }

    /// Makes the broker close a connection.
    pub async fn close_connection(&self, name: &str) -> Result<(), NodeError> {
        self.call(Method::DELETE, &["connections", name], None).await.map(drop)
    }

    /// Makes a queue that gets a copy of what is sent with these exchanges and routing keys.
    pub async fn shadow(&self, vhost: &str, queue: &str, bindings: &[(&str, &str)]) -> Result<(), NodeError> {
        self.call(Method::PUT, &["queues", vhost, queue], Some(json!({"durable": false, "auto_delete": false}))).await?;
        for (exchange, key) in bindings {
            self.call(Method::POST, &["bindings", vhost, "e", exchange, "q", queue], Some(json!({"routing_key": key}))).await?;
        }
        Ok(())
    }

    /// Takes up to so many messages from a queue, oldest first: objects with `payload` (base64), `properties`, `exchange` and `routing_key`.
    pub async fn take_messages(&self, vhost: &str, queue: &str, count: u32) -> Result<Vec<Value>, NodeError> {
        let how = json!({"count": count, "ackmode": "ack_requeue_false", "encoding": "base64"});
        let taken = self.call(Method::POST, &["queues", vhost, queue, "get"], Some(how)).await?;
        Ok(taken.as_array().cloned().unwrap_or_default())
    }

    /// Sends a message that was taken once more, byte for byte, to where it was sent.
    pub async fn publish_again(&self, vhost: &str, message: &Value) -> Result<(), NodeError> {
        let exchange = message["exchange"].as_str().unwrap_or_default();
        let body = json!({"properties": message["properties"], "routing_key": message["routing_key"],
            "payload": message["payload"], "payload_encoding": message["payload_encoding"]});
        self.call(Method::POST, &["exchanges", vhost, exchange, "publish"], Some(body)).await.map(drop)
    }

    async fn call(&self, method: Method, path: &[&str], body: Option<Value>) -> Result<Value, NodeError> {
        let what = format!("{method} {}", path.join("/"));
        let failed = |why: String| NodeError::Management { what: what.clone(), why };
        let mut url = self.base.clone();
        // Segment by segment, so that the virtual host `/` is one of them.
        url.path_segments_mut().map_err(|()| failed("the URL has no host".to_owned()))?.clear().push("api").extend(path);
        let mut request = self.client.request(method, url);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.map_err(|error| failed(error.without_url().to_string()))?;
        let status = response.status();
        let body = bounded::body(response.bytes_stream(), LONGEST_ANSWER_BYTES).await.map_err(|error| failed(error.to_string()))?;
        let text = String::from_utf8_lossy(&body);
        if !status.is_success() {
            return Err(failed(format!("{status}: {text}")));
        }
        if text.is_empty() { Ok(Value::Null) } else { serde_json::from_str(&text).map_err(|error| failed(error.to_string())) }
    }
}
