//! A model provider behind an OpenAI-compatible API: its configuration, its key, its breaker, and calls to it.

pub mod answer;
