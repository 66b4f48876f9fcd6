-- Copies orders to enriched as passthrough.sql does, but with a transaction timeout that outages exceed: a mistake, to be found.
--
-- Placeholders: ${link.source}, ${link.sink}, ${topic.orders}, ${topic.enriched}, ${group}, ${run}.

CREATE TABLE orders (
  k BYTES,
  v BYTES,
  headers MAP<STRING, BYTES> METADATA
) WITH (
  'connector' = 'kafka',
  'topic' = '${topic.orders}',
  'properties.bootstrap.servers' = '${link.source}',
  'properties.group.id' = '${group}',
  -- From the group's committed offsets; a group that has none begins at the start of the topic.
  'scan.startup.mode' = 'group-offsets',
  'properties.auto.offset.reset' = 'earliest',
  'key.format' = 'raw',
  'key.fields' = 'k',
  'value.format' = 'raw',
  'value.fields-include' = 'EXCEPT_KEY'
);

CREATE TABLE enriched (
  k BYTES,
  v BYTES,
  headers MAP<STRING, BYTES> METADATA
) WITH (
  'connector' = 'kafka',
  'topic' = '${topic.enriched}',
  'properties.bootstrap.servers' = '${link.sink}',
  'key.format' = 'raw',
  'key.fields' = 'k',
  'value.format' = 'raw',
  'value.fields-include' = 'EXCEPT_KEY',
  'sink.delivery-guarantee' = 'exactly-once',
  -- Never shared between jobs, or they fence each other.
  'sink.transactional-id-prefix' = 'squall-short-transactions-${run}',
  -- The broker aborts what a checkpoint has promised and an outage keeps from being committed.
  'properties.transaction.timeout.ms' = '5000'
);

INSERT INTO enriched SELECT k, v, headers FROM orders;
