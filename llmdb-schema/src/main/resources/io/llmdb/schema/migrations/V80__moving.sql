-- Moving a database to another server (docs/moving.md). Nothing here costs anything while no move is under way: what refuses writes and what notes
-- changes are triggers that exist only then.

-- The move that this database is the target of; at most one.
CREATE TABLE ${llmdb}."LLM_Move" (
    move_id         uuid PRIMARY KEY,
    only_one        boolean NOT NULL DEFAULT true UNIQUE CHECK (only_one),
    -- which database it comes from: the server's identifier, the database's and the schema
    source_identity text NOT NULL,
    source_name     text NOT NULL,
    -- what is moved
    choice          jsonb NOT NULL,
    phase           text NOT NULL CHECK (phase IN ('copying', 'copied', 'following', 'fencing', 'moved')),
    -- whether the target held rows of others before
    merged          boolean NOT NULL,
    started_at      timestamptz NOT NULL DEFAULT now(),
    phase_at        timestamptz NOT NULL DEFAULT now(),
    passes          bigint NOT NULL DEFAULT 0,
    last_pass_at    timestamptz
);

-- One table, or one partition of a log. A row is written in the transaction that writes the rows it tells of.
CREATE TABLE ${llmdb}."LLM_MoveUnit" (
    table_name  text NOT NULL,
    -- the partition's name on the source; empty: the whole table
    part        text NOT NULL DEFAULT '',
    row_count   bigint NOT NULL,
    byte_count  bigint NOT NULL,
    -- the oldest transaction that the source's snapshot did not see as ended: rows written by it or later ones may have changed since
    since_xid   xid8 NOT NULL,
    copied_at   timestamptz NOT NULL DEFAULT now(),
    -- whether counts and checksums were compared with the source
    verified    boolean NOT NULL DEFAULT false,
    PRIMARY KEY (table_name, part)
);

-- On the source, while a move follows it: which stretches of time of the logs were written to. Read like "LLM_Change".
CREATE TABLE ${llmdb}."LLM_MoveTouch" (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid        xid8 NOT NULL DEFAULT pg_current_xact_id(),
    table_name text NOT NULL,
    first_at   timestamptz NOT NULL,
    last_at    timestamptz NOT NULL
);
CREATE INDEX "LLM_MoveTouch_xid_idx" ON ${llmdb}."LLM_MoveTouch" (xid);

CREATE FUNCTION ${llmdb}.llmdb_note_start_times() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ${llmdb}."LLM_MoveTouch" (table_name, first_at, last_at)
    SELECT TG_ARGV[0], min("startTime"), max("startTime") FROM touched HAVING count(*) > 0;
    RETURN NULL;
END $$;

CREATE FUNCTION ${llmdb}.llmdb_note_update_times() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ${llmdb}."LLM_MoveTouch" (table_name, first_at, last_at)
    SELECT TG_ARGV[0], min(updated_at), max(updated_at) FROM touched HAVING count(*) > 0;
    RETURN NULL;
END $$;

-- Refuses every write to a table of a database that has moved (LD080), or that a move has not finished yet (LD081).
CREATE FUNCTION ${llmdb}.llmdb_refuse_moved() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    new_home text;
BEGIN
    IF TG_ARGV[0] = 'arriving' THEN
        -- The move itself says so in each of its transactions.
        IF current_setting('llmdb.move', true) = 'on' THEN
            RETURN NULL;
        END IF;
        RAISE EXCEPTION 'this database is the target of a move that is not finished; its cut-over opens it' USING ERRCODE = 'LD081';
    END IF;
    SELECT s.value ->> 'to' INTO new_home FROM ${llmdb}."LLM_DatabaseState" s WHERE s.name = 'moved';
    RAISE EXCEPTION 'this database has moved to %; nothing is written here any more', coalesce(new_home, 'another')
        USING ERRCODE = 'LD080', HINT = coalesce(new_home, '');
END $$;
