-- Counts records and bytes per key: one output for each input, with key, value and headers as they came and the running totals
-- in the headers total-count and total-bytes. All records of a key meet in one subtask, so a hot key makes that one the bottleneck.
--
-- Placeholders: ${link.source}, ${link.sink}, ${topic.orders}, ${topic.enriched}, ${group}, ${run}.

CREATE TABLE orders (
  k BYTES,
  v BYTES,
  headers MAP<STRING, BYTES> METADATA,
  arrival AS PROCTIME()
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
  'sink.transactional-id-prefix' = 'squall-keyed-totals-${run}',
  -- Longer than any outage, or the broker aborts what a checkpoint has promised; at most the broker's transaction.max.timeout.ms.
  'properties.transaction.timeout.ms' = '600000'
);

INSERT INTO enriched
SELECT
  k,
  v,
  MAP_UNION(
    headers,
    MAP[
      'total-count', ENCODE(CAST(COUNT(*) OVER per_key AS STRING), 'UTF-8'),
      'total-bytes', ENCODE(CAST(SUM(CHAR_LENGTH(DECODE(v, 'ISO-8859-1'))) OVER per_key AS STRING), 'UTF-8')
    ]
  )
FROM orders
WINDOW per_key AS (PARTITION BY k ORDER BY arrival ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW);
