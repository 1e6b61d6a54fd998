-- Events that were accepted in synchronous mode (docs/delivery.md) and are not booked yet. A row stands here from the moment its caller is answered to
-- the transaction that books its event, or sets it aside, and deletes it. What an instance leaves behind, another one books.
CREATE TABLE ${llmdb}."LLM_SpendInbox" (
    id          uuid PRIMARY KEY,
    received_at timestamptz NOT NULL DEFAULT ${llmdb}.llmdb_now(),
    -- from then on any instance may take the row over, which moves this on; until then its own is at it
    adopt_at    timestamptz NOT NULL DEFAULT ${llmdb}.llmdb_now() + interval '15 seconds',
    -- of the event as it came, where prompts were left out that are not to be kept
    digest      bigint,
    -- in the bytes of the journal, which say their version
    event       bytea NOT NULL
)
-- A queue: most rows live for milliseconds, and nothing is updated but what is taken over. Without a share of the table, because the table is empty
-- most of the time; statistics of it would always be of another moment, and nothing needs them.
WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_insert_threshold = -1,
      autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000000,
      toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 2000);
