package io.llmdb.models;

import static io.llmdb.schema.jooq.Tables.MODEL;

import io.llmdb.audit.AuditAction;
import io.llmdb.audit.AuditTrail;
import io.llmdb.common.Actor;
import io.llmdb.common.Page;
import io.llmdb.common.PageRequest;
import io.llmdb.error.AlreadyExistsException;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.error.NotFoundException;
import io.llmdb.identity.Store;
import io.llmdb.internal.Arguments;
import io.llmdb.internal.Db;
import io.llmdb.internal.Ids;
import io.llmdb.internal.Json;
import io.llmdb.internal.Keyset;
import io.llmdb.internal.Tx;
import io.llmdb.schema.jooq.tables.records.ModelRow;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jooq.Condition;
import org.jooq.JSONB;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/**
 * Models that are stored in the database, with their credentials encrypted.
 *
 * <p>Every change is one transaction, with its row in the audit log where that is kept; of parameters it holds the
 * names alone. Safe for use by several threads.
 */
public final class ModelRepository {

    private static final int ROWS_PER_TRANSACTION = 100;

    /** Whoever reads all of them keeps the change feed waiting. */
    private static final Duration ANSWER_WITHIN = Duration.ofSeconds(5);

    private final Db db;
    private final AuditTrail audit;
    private final CredentialKeys keys;
    private final CredentialCipher cipher;
    private final Store<ModelRow> store;

    /**
     * @param db the database
     * @param audit records changes
     * @param keys encrypt and decrypt credentials
     */
    public ModelRepository(Db db, AuditTrail audit, CredentialKeys keys) {
        this(db, audit, keys, Actor.SYSTEM);
    }

    private ModelRepository(Db db, AuditTrail audit, CredentialKeys keys, Actor actor) {
        this.db = db;
        this.audit = audit;
        this.keys = keys;
        this.cipher = new CredentialCipher(keys);
        this.store = new Store<>(db, audit, actor, MODEL, "model");
    }

    /**
     * @param actor who makes the changes
     * @return a repository on the same rows that acts for that one
     */
    public ModelRepository as(Actor actor) {
        return new ModelRepository(db, audit, keys, actor);
    }

    /**
     * Makes a model with an id of ours.
     *
     * @param spec what to set
     * @return what was made
     */
    public ProxyModel create(ProxyModelSpec spec) {
        return db.transaction(tx -> {
            Instant now = store.now(tx);
            return insert(tx, spec, Ids.at(now).toString(), now);
        });
    }

    /**
     * Makes a model.
     *
     * @param spec what to set
     * @param id its id
     * @return what was made
     * @throws AlreadyExistsException where there is one with this id
     * @throws InvalidArgumentException where the id is none
     */
    public ProxyModel create(ProxyModelSpec spec, String id) {
        Arguments.id("model_id", id);
        return db.transaction(tx -> insert(tx, spec, id, store.now(tx)));
    }

    /**
     * @param id its id
     * @return the model, or empty
     * @throws WrongCredentialsKeyException where its credentials cannot be decrypted
     */
    public Optional<ProxyModel> find(String id) {
        return store.find(store.is(id), this::read);
    }

    /**
     * @param id its id
     * @return the model
     * @throws NotFoundException where there is none
     * @throws WrongCredentialsKeyException where its credentials cannot be decrypted
     */
    public ProxyModel require(String id) {
        return find(id).orElseThrow(() -> store.missing(id));
    }

    /**
     * @param id its id
     * @return whether there is such a model
     */
    public boolean exists(String id) {
        return store.exists(store.is(id));
    }

    /**
     * Changes what an administrator sets.
     *
     * @param id its id
     * @param change makes the new values of those that hold, which are locked meanwhile; may be called more than once
     * @return the model after the change
     * @throws NotFoundException where there is none
     * @throws WrongCredentialsKeyException where its credentials cannot be decrypted
     */
    public ProxyModel update(String id, UnaryOperator<ProxyModelSpec> change) {
        return db.transaction(tx -> {
            ModelRow before = store.lock(tx, id);
            Instant now = store.now(tx);
            ProxyModelSpec old = read(before).spec();
            ProxyModelSpec spec = change.apply(old);
            ModelRow after = store.copy(before);
            apply(after, spec, old);
            return read(store.update(tx, before, after, now));
        });
    }

    /**
     * Takes it out of use.
     *
     * @param id its id
     * @return the model after the change
     * @throws NotFoundException where there is none
     */
    public ProxyModel block(String id) {
        return update(id, spec -> spec.withBlocked(true));
    }

    /**
     * Puts it to use again.
     *
     * @param id its id
     * @return the model after the change
     * @throws NotFoundException where there is none
     */
    public ProxyModel unblock(String id) {
        return update(id, spec -> spec.withBlocked(false));
    }

    /**
     * Deletes a model.
     *
     * @param id its id
     * @throws NotFoundException where there is none
     */
    public void delete(String id) {
        db.transaction(tx -> {
            ModelRow row = store.lockToDelete(tx, id);
            Instant now = store.now(tx);
            tx.dsl().deleteFrom(MODEL).where(MODEL.MODEL_ID.eq(id)).execute();
            store.record(tx, now, AuditAction.DELETED, row, null);
            return id;
        });
    }

    /**
     * @param filter which ones, in which order
     * @param page which page
     * @return the page
     * @throws InvalidArgumentException where the page belongs to another order
     * @throws WrongCredentialsKeyException where credentials cannot be decrypted
     */
    public Page<ProxyModel> list(ProxyModelFilter filter, PageRequest page) {
        Condition where = DSL.noCondition();
        if (filter.namePart() != null) {
            where = where.and(MODEL.MODEL_NAME.containsIgnoreCase(filter.namePart()));
        }
        if (filter.blocked() != null) {
            where = where.and(MODEL.BLOCKED.eq(filter.blocked()));
        }
        Keyset order = switch (filter.order()) {
            case NAME -> Keyset.ascending("name", MODEL.MODEL_NAME, MODEL.MODEL_ID);
            case NEWEST -> Keyset.descending("newest", MODEL.CREATED_AT, MODEL.MODEL_ID);
            case OLDEST -> Keyset.ascending("oldest", MODEL.CREATED_AT, MODEL.MODEL_ID);
        };
        return store.list(where, order, page, this::read);
    }

    /**
     * Encrypts all credentials with another key. May be broken off at any moment and begun again: values that are under
     * the new key already are left as they are. Plain values that somebody wrote with SQL are encrypted too.
     *
     * <p>While it runs, every instance needs both keys. The order is: start every instance with the new one as
     * {@code LLMDB_SALT_KEY} and the old one as {@code LLMDB_EARLIER_SALT_KEY}, rotate, then start them with the new
     * one alone. The keys of this repository do not matter here.
     *
     * @param from what values are encrypted with so far
     * @param to what they shall be encrypted with
     * @param progress hears of each batch that is done; where it throws, the rotation ends there
     * @return what was done
     * @throws WrongCredentialsKeyException where a value is encrypted with neither; what was done before stays done
     */
    public CredentialRotation rotateCredentials(
            CredentialKeys from, CredentialKeys to, Consumer<CredentialRotation> progress) {
        CredentialCipher both = new CredentialCipher(to.andEarlier(from));
        long total = db.transaction(tx -> (long) tx.dsl().fetchCount(MODEL));
        CredentialRotation done = new CredentialRotation(0, 0, total);
        String last = "";
        while (last != null) {
            Batch batch = rotate(both, last);
            done = new CredentialRotation(done.checked() + batch.checked, done.changed() + batch.changed, total);
            last = batch.last;
            progress.accept(done);
        }
        return done;
    }

    private record Batch(
            long checked, long changed, @Nullable String last) {}

    private Batch rotate(CredentialCipher both, String behind) {
        return db.transaction(tx -> {
            List<ModelRow> rows = tx.dsl()
                    .selectFrom(MODEL)
                    .where(MODEL.MODEL_ID.collate("C").gt(behind))
                    .orderBy(MODEL.MODEL_ID.collate("C"))
                    .limit(ROWS_PER_TRANSACTION)
                    .forNoKeyUpdate()
                    .fetch();
            Instant now = store.now(tx);
            long changed = 0;
            for (ModelRow before : rows) {
                changed += rotate(tx, both, before, now) ? 1 : 0;
            }
            boolean more = rows.size() == ROWS_PER_TRANSACTION;
            return new Batch(
                    rows.size(), changed, more ? rows.get(rows.size() - 1).getModelId() : null);
        });
    }

    private boolean rotate(Tx tx, CredentialCipher both, ModelRow before, Instant now) {
        Map<String, Object> stored = Json.object(before.getLlmParams().data());
        Map<String, Object> again = both.encryptAgain(before.getModelId(), stored);
        if (again.equals(stored)) {
            return false;
        }
        ModelRow after = store.copy(before);
        after.setLlmParams(JSONB.valueOf(Json.write(again)));
        tx.dsl()
                .update(MODEL)
                .set(MODEL.LLM_PARAMS, after.getLlmParams())
                .where(MODEL.MODEL_ID.eq(before.getModelId()))
                .execute();
        store.record(tx, now, AuditAction.ROTATED, before, after);
        return true;
    }

    /** All models; those whose credentials cannot be decrypted go to {@code failed}. */
    List<ProxyModel> all(Consumer<WrongCredentialsKeyException> failed) {
        return db
                .read(
                        ANSWER_WITHIN,
                        tx -> tx.dsl().selectFrom(MODEL).orderBy(MODEL.MODEL_ID).fetch())
                .stream()
                .<ProxyModel>mapMulti((row, sink) -> {
                    try {
                        sink.accept(read(row));
                    } catch (WrongCredentialsKeyException e) {
                        failed.accept(e);
                    }
                })
                .toList();
    }

    private ProxyModel insert(Tx tx, ProxyModelSpec spec, String id, Instant now) throws SQLException {
        ModelRow row = tx.dsl().newRecord(MODEL);
        row.setModelId(id);
        apply(row, spec, null);
        return read(store.insert(tx, row, now));
    }

    /** Parameters that did not change keep their ciphertexts, which are new at each encryption. */
    private void apply(ModelRow row, ProxyModelSpec spec, @Nullable ProxyModelSpec before) {
        row.setModelName(spec.name());
        if (before == null || !spec.params().equals(before.params())) {
            row.setLlmParams(JSONB.valueOf(Json.write(cipher.encrypt(row.getModelId(), spec.params()))));
        }
        if (before == null || !spec.info().equals(before.info())) {
            row.setModelInfo(spec.info().isEmpty() ? null : JSONB.valueOf(Json.write(spec.info())));
        }
        row.setBlocked(spec.blocked());
    }

    private ProxyModel read(ModelRow row) {
        JSONB info = row.getModelInfo();
        Map<String, Object> stored = Json.object(row.getLlmParams().data());
        return new ProxyModel(
                row.getModelId(),
                new ProxyModelSpec(
                        row.getModelName(),
                        cipher.decrypt(row.getModelId(), stored),
                        info != null && info.data().startsWith("{") ? Json.object(info.data()) : Map.of(),
                        row.getBlocked()),
                row.getCreatedAt().toInstant(),
                row.getCreatedBy(),
                row.getUpdatedAt().toInstant(),
                row.getUpdatedBy());
    }
}
