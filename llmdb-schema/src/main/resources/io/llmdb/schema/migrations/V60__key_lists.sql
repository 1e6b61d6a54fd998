-- Lists of keys: each filter and order that people use has an index that answers a page from its rows alone, the first as fast as any other.
-- No index holds spend: bookings change it, and a change of an indexed column writes to all indexes of the table. The list by spend reads all
-- keys that meet its filter and keeps the best of them.

CREATE INDEX "LLM_VerificationToken_created_at_idx" ON ${llmdb}."LLM_VerificationToken" (created_at, token);
CREATE INDEX "LLM_VerificationToken_user_id_idx" ON ${llmdb}."LLM_VerificationToken" (user_id, created_at, token);
CREATE INDEX "LLM_VerificationToken_team_id_idx" ON ${llmdb}."LLM_VerificationToken" (team_id, created_at, token);
CREATE INDEX "LLM_VerificationToken_organization_id_idx" ON ${llmdb}."LLM_VerificationToken" (organization_id, created_at, token);
CREATE INDEX "LLM_VerificationToken_blocked_idx" ON ${llmdb}."LLM_VerificationToken" (created_at, token) WHERE blocked IS TRUE;
-- Those that never expire come last.
CREATE INDEX "LLM_VerificationToken_expires_idx" ON ${llmdb}."LLM_VerificationToken"
    (coalesce(expires, timestamptz '9999-12-31 00:00:00+00'), token);
CREATE INDEX "LLM_VerificationToken_key_alias_idx" ON ${llmdb}."LLM_VerificationToken" ((key_alias IS NULL), coalesce(key_alias, ''), token);

-- The pieces of three characters of a text, in lower case. An index on them finds a part of an alias without an extension: a row whose text
-- contains another's has all of the other's pieces. A text of fewer characters has none. The cost tells the planner that to make the pieces of every
-- alias anew takes far longer than to look them up.
CREATE FUNCTION ${llmdb}.llmdb_pieces(p_text text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 1000 AS
'SELECT coalesce(array_agg(DISTINCT substr(lower(p_text), i, 3)), ''{}'') FROM generate_series(1, length(lower(p_text)) - 2) i';

CREATE INDEX "LLM_VerificationToken_key_alias_part_idx" ON ${llmdb}."LLM_VerificationToken" USING gin (${llmdb}.llmdb_pieces(key_alias));

-- Scheduled rotation. A key that shall be rotated and has no date yet is due.
CREATE INDEX "LLM_VerificationToken_key_rotation_at_idx" ON ${llmdb}."LLM_VerificationToken" (coalesce(key_rotation_at, '-infinity'))
    WHERE auto_rotate;

-- Archives, by what people look for.
CREATE INDEX "LLM_DeletedVerificationToken_deleted_at_idx" ON ${llmdb}."LLM_DeletedVerificationToken" (deleted_at, id);
CREATE INDEX "LLM_DeletedVerificationToken_team_id_idx" ON ${llmdb}."LLM_DeletedVerificationToken" (team_id, deleted_at, id);
CREATE INDEX "LLM_DeletedVerificationToken_user_id_idx" ON ${llmdb}."LLM_DeletedVerificationToken" (user_id, deleted_at, id);
