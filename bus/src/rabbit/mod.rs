//! RabbitMQ driver.
