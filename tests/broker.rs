//! The ground that the other tests stand on: a real broker keeps what exactly-once and a chained audit need, and the helpers show it.
#![cfg(feature = "io")]

mod support;

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::Producer;
use rdkafka::{Offset, TopicPartitionList};
use support::{Cluster, Isolation, Message, unique};

const LIMIT: Duration = Duration::from_secs(30);

fn values(cluster: &Cluster, topic: &str, isolation: Isolation) -> Vec<String> {
    let mut values: Vec<_> = cluster.read(topic, isolation).iter().map(|record| record.text().to_owned()).collect();
    values.sort();
    values
}

#[test]
fn an_aborted_record_is_on_disk_but_no_committed_reader_sees_it() {
    let cluster = Cluster::shared();
    let topic = cluster.topic("transactions", 3);
    let producer = cluster.transactional(&unique("worker"));

    producer.begin_transaction().unwrap();
    for value in ["kept-1", "kept-2"] {
        Cluster::send(&producer, &topic, &Message::new(value).key(value));
    }
    producer.commit_transaction(LIMIT).unwrap();

    producer.begin_transaction().unwrap();
    Cluster::send(&producer, &topic, &Message::new("aborted").key("aborted"));
    producer.flush(LIMIT).unwrap();
    producer.abort_transaction(LIMIT).unwrap();

    assert_eq!(values(cluster, &topic, Isolation::Committed), ["kept-1", "kept-2"]);
    assert_eq!(values(cluster, &topic, Isolation::Uncommitted), ["aborted", "kept-1", "kept-2"]);
}

#[test]
fn offset_metadata_is_committed_with_the_transaction_or_not_at_all() {
    let cluster = Cluster::shared();
    let topic = cluster.topic("offsets", 2);
    let group = unique("group");
    cluster.produce(&topic, &[Message::new("a").partition(0), Message::new("b").partition(1)]);
    let member: BaseConsumer = cluster.client().set("group.id", &group).create().unwrap();
    let producer = cluster.transactional(&unique("worker"));
    let commit = |metadata: &str, outcome: fn(&rdkafka::producer::BaseProducer)| {
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(&topic, 0, Offset::Offset(1)).unwrap();
        offsets.find_partition(&topic, 0).unwrap().set_metadata(metadata);
        producer.begin_transaction().unwrap();
        producer.send_offsets_to_transaction(&offsets, &member.group_metadata().unwrap(), LIMIT).unwrap();
        outcome(&producer);
    };

    let head = format!("lethe1:41:{}", "5e".repeat(32));
    commit(&head, |producer| producer.commit_transaction(LIMIT).unwrap());
    commit("lethe1:42:never", |producer| producer.abort_transaction(LIMIT).unwrap());

    let committed = cluster.committed(&group, &topic);
    assert_eq!(committed.len(), 1, "the other partition has no commit");
    assert_eq!((committed[&0].offset, committed[&0].metadata.as_str()), (1, head.as_str()));
}

#[test]
fn headers_keys_and_null_values_come_back_as_they_went_in() {
    let cluster = Cluster::shared();
    let topic = cluster.topic("records", 1);
    let full = Message::new([0, 159, 146, 150])
        .key([0xff, 0x00])
        .header("ce_type", "prompt")
        .header("lethe-sealed", "first")
        .header("lethe-sealed", "second")
        .header("binary", [0xc3, 0x28])
        .null_header("empty")
        .timestamp_ms(1_700_000_000_123);
    cluster.produce(&topic, &[full, Message::tombstone().key("k")]);

    let records = cluster.read(&topic, Isolation::Committed);
    assert_eq!(records.len(), 2);
    let names: Vec<_> = records[0].headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["ce_type", "lethe-sealed", "lethe-sealed", "binary", "empty"]);
    let values: Vec<_> = records[0].headers.iter().map(|(_, value)| value.as_deref()).collect();
    assert_eq!(values, [Some(&b"prompt"[..]), Some(b"first"), Some(b"second"), Some(&[0xc3, 0x28]), None]);
    assert_eq!(records[0].key.as_deref(), Some(&[0xff, 0x00][..]));
    assert_eq!(records[0].value.as_deref(), Some(&[0, 159, 146, 150][..]));
    assert_eq!(records[0].timestamp_ms, Some(1_700_000_000_123));
    assert_eq!((records[1].key.as_deref(), records[1].value.as_deref()), (Some(&b"k"[..]), None));
}

#[test]
fn ten_megabytes_pass_where_the_topic_asks_for_them() {
    let cluster = Cluster::shared();
    let topic = unique("large");
    cluster.create_topic(&topic, 1, &[("max.message.bytes", "12000000")]);
    cluster.produce(&topic, &[Message::new(vec![b'x'; 10_000_000])]);
    assert_eq!(cluster.read(&topic, Isolation::Committed)[0].value.as_ref().map(Vec::len), Some(10_000_000));
}

#[test]
fn a_killed_broker_comes_back_with_what_was_committed() {
    let cluster = Cluster::own();
    let topic = cluster.topic("durable", 1);
    cluster.produce(&topic, &[Message::new("before")]);
    cluster.kill();
    cluster.restart();
    cluster.produce(&topic, &[Message::new("after")]);
    assert_eq!(values(&cluster, &topic, Isolation::Committed), ["after", "before"]);
}
