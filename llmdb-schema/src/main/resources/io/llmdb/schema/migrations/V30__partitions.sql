-- How partitions of the logs come and go. What there is is read from the catalog, by bounds and not by names, so that partitions made by
-- others (pg_partman, a weekly script) count as well. All changes wait briefly for their locks and give up, because whoever waits for a lock on
-- a log keeps its writers waiting behind itself; the caller tries again. DETACH ... CONCURRENTLY is no way: PostgreSQL refuses it where there
-- is a default partition.

-- The partitions of a log: bounds are null where they are no plain FROM and TO.
CREATE FUNCTION ${llmdb}.llmdb_partitions(p_table text)
RETURNS TABLE (relid oid, schema_name text, partition_name text, lower_bound timestamptz, upper_bound timestamptz, is_default boolean)
LANGUAGE sql STABLE AS $$
    SELECT c.oid, n.nspname::text, c.relname::text, b.bounds[1]::timestamptz, b.bounds[2]::timestamptz,
        pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT'
    FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL (
        SELECT regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''([^'']+)''\) TO \(''([^'']+)''\)$')) b (bounds)
    WHERE i.inhparent = to_regclass('${llmdb}.' || quote_ident(p_table)) AND NOT i.inhdetachpending
$$;

-- Makes the partition of a stretch of time, with the stray rows of that time that are in the default partition. Answers false where some
-- partition has part of it already, or where rows of that time were dropped.
CREATE FUNCTION ${llmdb}.llmdb_make_partition(p_table text, p_from timestamptz, p_to timestamptz) RETURNS boolean
LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
DECLARE
    parent regclass := to_regclass('${llmdb}.' || quote_ident(p_table));
    name text := p_table || '_p' || to_char(p_from AT TIME ZONE 'UTC', 'YYYYMMDD');
    key_column name := (SELECT a.attname FROM pg_partitioned_table t JOIN pg_attribute a ON a.attrelid = t.partrelid AND a.attnum = t.partattrs[0]
                        WHERE t.partrelid = parent);
    stray regclass;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('llmdb partitions ' || parent::oid, 0));
    IF EXISTS (SELECT 1 FROM ${llmdb}.llmdb_partitions(p_table) p WHERE p.lower_bound < p_to AND p.upper_bound > p_from)
       OR EXISTS (SELECT 1 FROM ${llmdb}."LLM_LogState" s WHERE s.table_name = p_table AND s.dropped_before >= p_to) THEN
        RETURN false;
    END IF;
    WHILE to_regclass('${llmdb}.' || quote_ident(name)) IS NOT NULL LOOP
        name := name || '_';
    END LOOP;
    EXECUTE format('CREATE TABLE ${llmdb}.%I (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)', name, parent);
    SELECT p.relid::regclass INTO stray FROM ${llmdb}.llmdb_partitions(p_table) p WHERE p.is_default;
    IF stray IS NOT NULL THEN
        -- ATTACH would lock it anyway; from now on no stray row can come in between.
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', stray);
        EXECUTE format('WITH moved AS (DELETE FROM %s WHERE %I >= $1 AND %I < $2 RETURNING *) INSERT INTO ${llmdb}.%I SELECT * FROM moved',
            stray, key_column, key_column, name) USING p_from, p_to;
    END IF;
    -- Takes a weaker lock on the parent than CREATE TABLE ... PARTITION OF, so that readers and writers go on.
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION ${llmdb}.%I FOR VALUES FROM (%L) TO (%L)', parent, name,
        to_char(p_from AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US+00'), to_char(p_to AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US+00'));
    -- A day that comes late is settled, and loses its prompts, when the jobs come by again. Until then queries ask as of days that are not settled.
    UPDATE ${llmdb}."LLM_LogState" s SET settled_before = least(s.settled_before, p_from), prompts_before = least(s.prompts_before, p_from)
    WHERE s.table_name = p_table AND (s.settled_before > p_from OR s.prompts_before > p_from);
    RETURN true;
END $$;

-- The days, UTC, of a log's stray rows.
CREATE FUNCTION ${llmdb}.llmdb_stray_days(p_table text) RETURNS SETOF date LANGUAGE plpgsql STABLE AS $$
DECLARE
    stray regclass := (SELECT p.relid::regclass FROM ${llmdb}.llmdb_partitions(p_table) p WHERE p.is_default);
    key_column name := (SELECT a.attname FROM pg_partitioned_table t JOIN pg_attribute a ON a.attrelid = t.partrelid AND a.attnum = t.partattrs[0]
                        WHERE t.partrelid = to_regclass('${llmdb}.' || quote_ident(p_table)));
BEGIN
    IF stray IS NOT NULL THEN
        RETURN QUERY EXECUTE format('SELECT DISTINCT (%I AT TIME ZONE ''UTC'')::date FROM %s', key_column, stray);
    END IF;
END $$;

-- Has a partition's BRIN indexes know the rows that came since the last time; until then each reader looks through these. A new partition is analyzed,
-- because the planner uses such an index only where it knows that rows lie in the order of time. Leaves a partition that is being vacuumed to the
-- next time: whoever waits a second for an automatic vacuum has it cancelled.
CREATE FUNCTION ${llmdb}.llmdb_index_new_rows(p_relid oid) RETURNS void LANGUAGE plpgsql SET lock_timeout = '200ms' AS $$
BEGIN
    PERFORM brin_summarize_new_values(i.indexrelid::regclass)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
    WHERE i.indrelid = p_relid AND i.indisvalid AND a.amname = 'brin';
    IF EXISTS (SELECT 1 FROM pg_class c WHERE c.oid = p_relid AND c.reltuples < 0 AND pg_relation_size(c.oid) > 0) THEN
        EXECUTE format('ANALYZE %s', p_relid::regclass);
    END IF;
EXCEPTION WHEN lock_not_available THEN
    NULL;
END $$;

-- Raises lock_not_available where somebody has been reading or writing a log for long, as verify and pg_dump do, so that nobody queues for a lock on
-- it in vain with all writers behind. Who may not see others' sessions does not know, and finds out by waiting.
CREATE FUNCTION ${llmdb}.llmdb_require_no_long_use(p_table regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
               WHERE l.relation = p_table AND l.granted AND l.pid <> pg_backend_pid() AND a.datname = current_database()
                 AND a.xact_start < clock_timestamp() - interval '5 seconds') THEN
        RAISE EXCEPTION '% has been in use for long by one transaction', p_table USING ERRCODE = 'lock_not_available';
    END IF;
END $$;

-- Takes a partition out of its log and renames it, so that it can be dropped without a lock on the log. Says in "LLM_LogState" what is gone, in
-- the same transaction. Answers the name to drop.
CREATE FUNCTION ${llmdb}.llmdb_take_out_partition(p_table text, p_relid oid, p_lock_timeout text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    parent regclass := to_regclass('${llmdb}.' || quote_ident(p_table));
    part record;
    has_rows boolean;
    dropped text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('llmdb partitions ' || parent::oid, 0));
    SELECT * INTO part FROM ${llmdb}.llmdb_partitions(p_table) p WHERE p.relid = p_relid AND p.upper_bound IS NOT NULL;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    -- Vacuum and its like keep their lock for long; waiting for them would keep all writers waiting.
    IF EXISTS (SELECT 1 FROM pg_locks l WHERE l.relation = p_relid AND l.pid <> pg_backend_pid() AND l.granted
               AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
               AND l.mode IN ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')) THEN
        RAISE EXCEPTION 'partition % is being vacuumed or indexed', part.partition_name USING ERRCODE = 'lock_not_available';
    END IF;
    PERFORM ${llmdb}.llmdb_require_no_long_use(parent);
    PERFORM set_config('lock_timeout', p_lock_timeout, true);
    EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', parent, p_relid::regclass);
    -- Now nobody writes to it any more.
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s)', p_relid::regclass) INTO has_rows;
    dropped := p_table || '_dropped_' || p_relid;
    EXECUTE format('ALTER TABLE %s RENAME TO %I', p_relid::regclass, dropped);
    -- An empty one tells of nothing, so nothing is lost with it.
    IF has_rows THEN
        UPDATE ${llmdb}."LLM_LogState" s SET dropped_before = part.upper_bound
        WHERE s.table_name = p_table AND s.dropped_before < part.upper_bound;
    END IF;
    RETURN format('%I.%I', part.schema_name, dropped);
END $$;

-- Rewrites a partition without prompts and answers, and puts the new one in the old one's place: one pass in order, no dead rows, no bloat.
-- Readers go on; a late writer of just this time waits meanwhile. Answers how many rows had some.
CREATE FUNCTION ${llmdb}.llmdb_forget_prompts(p_relid oid, p_lock_timeout text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    parent regclass := '${llmdb}."LLM_SpendLogs"'::regclass;
    part record;
    columns text;
    values_ text;
    had bigint;
    fresh text;
    idx record;
    number int := 0;
    renames text[] := '{}';
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('llmdb partitions ' || parent::oid, 0));
    SELECT * INTO part FROM ${llmdb}.llmdb_partitions('LLM_SpendLogs') p WHERE p.relid = p_relid AND p.upper_bound IS NOT NULL;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    PERFORM ${llmdb}.llmdb_require_no_long_use(parent);
    PERFORM set_config('lock_timeout', p_lock_timeout, true);
    EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', p_relid::regclass);
    EXECUTE format('SELECT count(*) FROM %s WHERE num_nonnulls(messages, response, proxy_server_request) > 0', p_relid::regclass) INTO had;
    IF had > 0 THEN
        fresh := 'LLM_SpendLogs_fresh_' || p_relid;
        SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum),
            string_agg(CASE WHEN a.attname IN ('messages', 'response', 'proxy_server_request') THEN 'NULL' ELSE quote_ident(a.attname) END, ', '
                       ORDER BY a.attnum)
        INTO columns, values_
        FROM pg_attribute a WHERE a.attrelid = p_relid AND a.attnum > 0 AND NOT a.attisdropped;
        EXECUTE format('CREATE TABLE %I.%I (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)', part.schema_name, fresh, parent);
        EXECUTE format('INSERT INTO %I.%I (%s) SELECT %s FROM %s ORDER BY "startTime", id', part.schema_name, fresh, columns, values_,
            p_relid::regclass);
        -- With all indexes of the old one, and with a constraint that says what ATTACH would look up, so that this takes a moment only.
        FOR idx IN SELECT c.relname, i.indisprimary, i.indisunique, pg_get_indexdef(i.indexrelid) AS definition
                   FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = p_relid AND i.indisvalid LOOP
            number := number + 1;
            IF idx.indisprimary THEN
                EXECUTE format('ALTER TABLE %I.%I ADD CONSTRAINT %I PRIMARY KEY ("startTime", id)', part.schema_name, fresh, fresh || '_' || number);
            ELSE
                EXECUTE format('CREATE %s INDEX %I ON %I.%I %s', CASE WHEN idx.indisunique THEN 'UNIQUE' ELSE '' END, fresh || '_' || number,
                    part.schema_name, fresh, substring(idx.definition FROM ' (USING .*)$'));
            END IF;
            renames := renames || format('ALTER INDEX %I.%I RENAME TO %I', part.schema_name, fresh || '_' || number, idx.relname);
        END LOOP;
        EXECUTE format('ALTER TABLE %I.%I ADD CONSTRAINT llmdb_bounds CHECK ("startTime" >= %L AND "startTime" < %L)', part.schema_name, fresh,
            part.lower_bound, part.upper_bound);
        -- What was written anew need not be written again because somebody reads the log just now.
        FOR attempt IN 1 .. 40 LOOP
            BEGIN
                EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', parent, p_relid::regclass);
                EXIT;
            EXCEPTION WHEN lock_not_available THEN
                IF attempt = 40 THEN
                    RAISE;
                END IF;
                PERFORM pg_sleep(0.1 + random() / 2);
            END;
        END LOOP;
        EXECUTE format('ALTER TABLE %s ATTACH PARTITION %I.%I FOR VALUES FROM (%L) TO (%L)', parent, part.schema_name, fresh,
            part.lower_bound, part.upper_bound);
        EXECUTE format('ALTER TABLE %I.%I DROP CONSTRAINT llmdb_bounds', part.schema_name, fresh);
        EXECUTE format('DROP TABLE %s', p_relid::regclass);
        EXECUTE format('ALTER TABLE %I.%I RENAME TO %I', part.schema_name, fresh, part.partition_name);
        FOR number IN 1 .. cardinality(renames) LOOP
            EXECUTE renames[number];
        END LOOP;
    END IF;
    -- An earlier day that came meanwhile has yet to be gone through.
    UPDATE ${llmdb}."LLM_LogState" s SET prompts_before = part.upper_bound
    WHERE s.table_name = 'LLM_SpendLogs' AND s.prompts_before < part.upper_bound AND NOT EXISTS (
        SELECT 1 FROM ${llmdb}.llmdb_partitions('LLM_SpendLogs') p WHERE p.upper_bound > s.prompts_before AND p.upper_bound < part.upper_bound);
    RETURN had;
END $$;
