package io.llmdb.usage;

import io.llmdb.common.Page;
import io.llmdb.common.PageRequest;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Db;
import io.llmdb.internal.Ids;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Reads the spend log. Safe for use by several threads.
 *
 * <p>Pages go from the newest request to the oldest. Each is found by where the one before ended, so any page costs
 * what the first does, and the log is read day by day only as far as the page needs.
 */
public final class RequestLog {

    /** A request's id is ours and tells its day, so the others' ids are what may be shared. */
    private static final int MOST_OF_ONE_REQUEST_ID = 100;

    private static final int EXPORT_AT_ONCE = 1000;

    private static final String PROMPT = """
            SELECT messages, response, proxy_server_request FROM ${llmdb}."LLM_SpendLogs" WHERE "startTime" = ? AND id = ?""";

    private final Db db;

    /** @param db the database */
    public RequestLog(Db db) {
        this.db = db;
    }

    /**
     * Lists requests, the newest first.
     *
     * @param filter which ones
     * @param page which page
     * @return the page
     * @throws InvalidArgumentException where the page belongs to another list
     */
    public Page<LoggedRequest> list(RequestFilter filter, PageRequest page) {
        return db.single(tx ->
                new RequestSearch(db.sql(), filter, page.size(), Place.parse(page.after())).page(tx.connection()));
    }

    /**
     * Finds a request by our id.
     *
     * @param id the id
     * @return the request, or empty
     */
    public Optional<LoggedRequest> find(UUID id) {
        Instant start = Instant.ofEpochMilli(Ids.epochMilli(id));
        return db.single(tx -> RequestSearch.find(tx.connection(), db.sql(), id, start));
    }

    /**
     * Finds requests by the id that the caller or the provider gave, the newest first, at most a hundred.
     *
     * @param requestId the id
     * @return the requests
     */
    public List<LoggedRequest> findByRequestId(String requestId) {
        return list(RequestFilter.all().withRequestId(requestId), PageRequest.first(MOST_OF_ONE_REQUEST_ID))
                .items();
    }

    /**
     * What was sent and answered.
     *
     * @param id the request's id of ours
     * @return what is kept of it; empty where there is no such request
     */
    public Optional<LoggedPrompt> prompt(UUID id) {
        Instant start = Instant.ofEpochMilli(Ids.epochMilli(id));
        return db.single(tx -> {
            try (PreparedStatement statement =
                    tx.connection().prepareStatement(db.sql().of(PROMPT))) {
                statement.setObject(1, start.atOffset(ZoneOffset.UTC));
                statement.setObject(2, id);
                try (ResultSet row = statement.executeQuery()) {
                    return row.next()
                            ? Optional.of(new LoggedPrompt(row.getString(1), row.getString(2), row.getString(3)))
                            : Optional.empty();
                }
            }
        });
    }

    /**
     * Writes requests as CSV, the newest first, with a first line of names; without prompts and answers. Memory and
     * time to the first row do not depend on how many there are: it reads page by page, so that no transaction stays
     * open while the receiver is slow. Texts that a spreadsheet would take for a formula are disarmed by an apostrophe.
     *
     * @param filter which ones; give it an end in time, or requests that finish meanwhile may come in at the top
     * @param to takes the text; not closed
     * @return how many requests were written
     * @throws UncheckedIOException where it cannot be written to
     */
    public long export(RequestFilter filter, Appendable to) {
        CsvWriter csv = new CsvWriter(to);
        long written = 0;
        try {
            csv.names(List.of(
                    "id",
                    "start_time",
                    "end_time",
                    "request_id",
                    "call_type",
                    "key",
                    "user",
                    "team",
                    "organization",
                    "end_user",
                    "model",
                    "model_group",
                    "provider",
                    "status",
                    "spend",
                    "prompt_tokens",
                    "completion_tokens",
                    "total_tokens",
                    "cache_hit",
                    "session_id",
                    "tags",
                    "requester_ip"));
            PageRequest next = PageRequest.first(EXPORT_AT_ONCE);
            while (true) {
                Page<LoggedRequest> page = list(filter, next);
                for (LoggedRequest request : page.items()) {
                    write(csv, request);
                    written++;
                }
                if (page.next() == null) {
                    return written;
                }
                next = next.after(page.next());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void write(CsvWriter csv, LoggedRequest request) throws IOException {
        csv.plain(request.id().toString())
                .plain(request.startTime().toString())
                .plain(request.endTime().toString())
                .text(request.requestId())
                .text(request.callType())
                .text(request.keyHash())
                .text(request.userId())
                .text(request.teamId())
                .text(request.organizationId())
                .text(request.endUser())
                .text(request.model())
                .text(request.modelGroup())
                .text(request.provider())
                .plain(request.successful() ? "success" : "failure")
                .plain(request.cost().toPlainString())
                .plain(Long.toString(request.promptTokens()))
                .plain(Long.toString(request.completionTokens()))
                .plain(Long.toString(request.totalTokens()))
                .text(request.cacheHit())
                .text(request.sessionId())
                .text(String.join(" ", request.tags()))
                .text(request.requesterIp())
                .endRow();
    }

    /**
     * Where a page ended.
     *
     * @param start the last row's start
     * @param id its id
     */
    record Place(Instant start, UUID id) {

        private static final String ORDER = "requests";

        @Override
        public String toString() {
            return ORDER + "_" + start.getEpochSecond() + "_" + start.getNano() + "_" + id;
        }

        static @Nullable Place parse(@Nullable String text) {
            if (text == null) {
                return null;
            }
            String[] parts = text.split("_", -1);
            try {
                if (parts.length == 4 && parts[0].equals(ORDER)) {
                    return new Place(
                            Instant.ofEpochSecond(Long.parseLong(parts[1]), Long.parseLong(parts[2])),
                            UUID.fromString(parts[3]));
                }
            } catch (IllegalArgumentException | DateTimeException e) {
                throw notOurs(text, e);
            }
            throw notOurs(text, null);
        }

        private static InvalidArgumentException notOurs(String text, @Nullable Exception cause) {
            return new InvalidArgumentException(
                    "page \"" + text + "\" belongs to no list of requests: pass Page.next() of the page before", cause);
        }
    }
}
