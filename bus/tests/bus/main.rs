//! What every driver of the bus must do, written once and run on each, and what only a broker of its own can show.
//!
//! RabbitMQ comes from `CHIFFON_TEST_AMQP_URL` and `CHIFFON_TEST_AMQP_MANAGEMENT_URL` (`cargo run -p chiffon-nodes -- run -- cargo
//! nextest run -p chiffon-bus` sets them); each test has a virtual host to itself. The outage tests start nodes of their own.

mod harness;
mod outage;
mod suite;
mod topology;

macro_rules! on_every_driver {
    ($($file:ident :: $name:ident),+ $(,)?) => {
        mod on_memory {
            $(
                #[tokio::test]
                async fn $name() {
                    let broker = crate::harness::Broker::memory();
                    crate::suite::$file::$name(&broker).await;
                    broker.finish().await;
                }
            )+
        }
        mod on_rabbitmq {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let broker = crate::harness::Broker::rabbitmq(stringify!($name)).await;
                    crate::suite::$file::$name(&broker).await;
                    broker.finish().await;
                }
            )+
        }
    };
}

on_every_driver! {
    publish::messages_arrive_in_the_order_in_which_they_were_published,
    publish::a_message_that_no_queue_is_bound_for_is_told_as_unroutable,
    publish::an_exchange_that_does_not_exist_is_refused_and_harms_no_later_message,
    publish::headers_and_ids_survive,
    publish::a_body_of_a_megabyte_survives,
    publish::many_messages_are_confirmed_side_by_side,
    publish::a_control_message_reaches_the_queue_of_its_key_only,
    settle::an_acked_message_is_gone,
    settle::a_dropped_delivery_comes_back_as_redelivered,
    settle::a_returned_message_goes_to_another_consumer,
    settle::a_rejected_message_lies_in_the_dead_letters_with_its_reason,
    settle::a_rejected_message_that_cant_be_kept_is_not_lost,
    settle::a_message_that_keeps_coming_back_ends_in_the_dead_letters,
    consume::no_more_than_the_prefetch_are_unsettled,
    consume::two_consumers_share_a_queue,
    consume::a_dropped_consumer_gives_back_what_it_had_not_handed_out,
    consume::a_delivery_can_be_settled_after_its_consumer_is_dropped,
    consume::a_queue_that_does_not_exist_is_refused,
    consume::looking_at_messages_leaves_them_where_they_are,
    connection::declaring_twice_changes_nothing,
    connection::a_queue_that_exists_with_other_arguments_is_named,
    connection::an_exclusive_queue_is_closed_to_other_connections,
    connection::an_exclusive_queue_goes_with_its_connection,
    connection::closing_gives_back_what_was_unsettled,
    connection::closing_ends_subscriptions_and_refuses_what_comes_after,
    bounds::an_old_heartbeat_is_forgotten,
    bounds::of_too_many_heartbeats_the_oldest_are_dropped,
}
