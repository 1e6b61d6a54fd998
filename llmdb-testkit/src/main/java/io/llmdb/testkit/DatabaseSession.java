package io.llmdb.testkit;

/**
 * A session that is open on a test database.
 *
 * @param pid the server process
 * @param application the client's {@code application_name}
 * @param state {@code idle}, {@code active}, {@code idle in transaction} and so on
 * @param query the last statement, shortened
 */
public record DatabaseSession(int pid, String application, String state, String query) {}
