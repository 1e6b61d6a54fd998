package io.llmdb.litellm;

import io.llmdb.audit.AuditTrail;
import io.llmdb.common.Actor;
import io.llmdb.error.DatabaseFailureException;
import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.error.LlmDbException;
import io.llmdb.internal.Db;
import io.llmdb.internal.DbErrors;
import io.llmdb.models.CredentialKeys;
import io.llmdb.windows.BudgetCalendar;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.EnumSet;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * An import from a LiteLLM database of any version since the middle of 2024, which is only read from, as of one moment.
 *
 * <p>Keys go on working: they are stored by the same hash. Amounts become exact decimals by their shortest form; times
 * without zone are UTC; members become rows of the lists that name them; credentials are decrypted with LiteLLM's salt
 * key and encrypted with ours. What the log rows do not explain of a counter becomes its opening balance, so that
 * {@code verify} agrees at every moment.
 *
 * <p>It may be broken off at any moment and run again, and run again later to bring what is new: log rows that are not
 * here yet, what counters gained, rows that were made or changed over there. A row that was changed or deleted here
 * since stays as it is here; the report tells of those that were changed on both sides. Keys that were deleted over
 * there are deleted here.
 *
 * <p>Not safe for use by several threads. Memory is bounded, however much there is.
 */
public final class LiteLlmImport {

    /** The schema that LiteLLM's tables are in, where nobody chose another. */
    public static final String DEFAULT_SCHEMA = "public";

    private final Db db;
    private final AuditTrail audit;
    private final Actor actor;
    private final BudgetCalendar calendar;
    private final @Nullable CredentialKeys credentials;
    private final DataSource source;
    private final Set<ImportPart> without = EnumSet.noneOf(ImportPart.class);
    private String schema = DEFAULT_SCHEMA;
    private @Nullable SaltKey saltKey;
    private boolean preferSource;
    private boolean intoUsed;

    /**
     * @param db where to
     * @param audit records each run, and the deletion of keys that were deleted over there
     * @param actor who runs it
     * @param calendar says when the windows of budgets began
     * @param credentials encrypt models' credentials here; null: models cannot come
     * @param source the LiteLLM database
     */
    public LiteLlmImport(
            Db db,
            AuditTrail audit,
            Actor actor,
            BudgetCalendar calendar,
            @Nullable CredentialKeys credentials,
            DataSource source) {
        this.db = db;
        this.audit = audit;
        this.actor = actor;
        this.calendar = calendar;
        this.credentials = credentials;
        this.source = Objects.requireNonNull(source, "source");
    }

    /**
     * @param value the schema that LiteLLM's tables are in; {@value #DEFAULT_SCHEMA} where nobody chose another
     * @return this
     */
    public LiteLlmImport sourceSchema(String value) {
        schema = Objects.requireNonNull(value, "sourceSchema");
        return this;
    }

    /**
     * @param value LiteLLM's {@code LITELLM_SALT_KEY}, or its master key where it had none; needed where models are
     *     stored in the database
     * @return this
     */
    public LiteLlmImport saltKey(String value) {
        if (value.isEmpty()) {
            throw new InvalidArgumentException("The salt key is empty");
        }
        saltKey = new SaltKey(value);
        return this;
    }

    /**
     * @param parts what to leave out
     * @return this
     */
    public LiteLlmImport without(ImportPart... parts) {
        without.addAll(Set.of(parts));
        return this;
    }

    /**
     * Lets the source win where a row was changed on both sides since the last run.
     *
     * @return this
     */
    public LiteLlmImport preferringSource() {
        preferSource = true;
        return this;
    }

    /**
     * Imports although there are other rows here; these stay as they are.
     *
     * @return this
     */
    public LiteLlmImport mergingIntoUsed() {
        intoUsed = true;
        return this;
    }

    /**
     * Imports.
     *
     * @return what came, what changed in form and what did not fit
     * @throws ImportRefusedException where it cannot begin; nothing was changed
     * @throws DatabaseUnavailableException where a connection is lost; what was done is done, and another run goes on
     *     from there
     * @throws DatabaseFailureException where a server refuses a statement, because its disk is full for example; the
     *     same
     */
    public ImportReport run() {
        return run(progress -> {});
    }

    /**
     * Imports and tells how far it has come.
     *
     * @param progress is told after each some thousand rows, on this thread; where it throws, the import ends there,
     *     and another run goes on from there
     * @return what came, what changed in form and what did not fit
     * @throws ImportRefusedException where it cannot begin; nothing was changed
     * @throws DatabaseUnavailableException where a connection is lost; what was done is done, and another run goes on
     *     from there
     * @throws DatabaseFailureException where a server refuses a statement, because its disk is full for example; the
     *     same
     */
    public ImportReport run(Consumer<ImportProgress> progress) {
        return run(db, false, progress);
    }

    /**
     * Does everything and keeps nothing: rows of people, keys and budgets are written in one transaction that is rolled
     * back, and log rows are read and translated but not written.
     *
     * @param progress is told how far it has come, on this thread
     * @return what would come
     * @throws ImportRefusedException where it could not begin
     */
    public ImportReport dryRun(Consumer<ImportProgress> progress) {
        try (Connection connection = db.dataSource().getConnection()) {
            connection.setAutoCommit(false);
            try {
                return run(db.joining(connection), true, progress);
            } finally {
                connection.rollback();
                connection.setAutoCommit(true);
            }
        } catch (SQLException e) {
            throw DbErrors.translate(e);
        }
    }

    private ImportReport run(Db target, boolean dryRun, Consumer<ImportProgress> progress) {
        try (Source opened = Source.open(source, schema)) {
            return new ImportRun(
                            target,
                            audit,
                            actor,
                            calendar,
                            credentials,
                            opened,
                            saltKey,
                            without,
                            preferSource,
                            dryRun,
                            progress)
                    .run(intoUsed);
        } catch (SQLException e) {
            throw brokenOff(DbErrors.translate(e));
        } catch (DatabaseUnavailableException | DatabaseFailureException e) {
            throw brokenOff(e);
        }
    }

    /** Says what to do next. */
    private static LlmDbException brokenOff(LlmDbException failure) {
        String message = "The import was broken off. " + failure.getMessage()
                + ". Nothing is half done: mend that and run the import again, which goes on where this one ended";
        if (failure instanceof DatabaseUnavailableException) {
            return new DatabaseUnavailableException(message, failure);
        }
        return failure instanceof DatabaseFailureException ? new DatabaseFailureException(message, failure) : failure;
    }
}
