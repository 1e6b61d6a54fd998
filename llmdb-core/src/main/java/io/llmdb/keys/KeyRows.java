package io.llmdb.keys;

import io.llmdb.common.BudgetDuration;
import io.llmdb.error.DatabaseFailureException;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.BudgetColumns;
import io.llmdb.internal.Json;
import io.llmdb.schema.jooq.tables.records.VirtualKeyRow;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jooq.JSONB;
import org.jspecify.annotations.Nullable;

/** Between a key's row and our record of it. */
final class KeyRows {

    private KeyRows() {}

    static VirtualKey key(VirtualKeyRow row) {
        return new VirtualKey(
                row.getToken(),
                row.getKeyName(),
                spec(row),
                BudgetColumns.spendState(row),
                row.getRotationCount(),
                BudgetColumns.instant(row.getLastRotationAt()),
                BudgetColumns.instant(row.getKeyRotationAt()),
                BudgetColumns.instant(row.getLastActive()),
                row.getCreatedAt().toInstant(),
                row.getCreatedBy(),
                row.getUpdatedAt().toInstant(),
                row.getUpdatedBy());
    }

    static VirtualKeySpec spec(VirtualKeyRow row) {
        try {
            VirtualKeySpec.Draft draft = new VirtualKeySpec.Draft();
            draft.alias = row.getKeyAlias();
            draft.userId = row.getUserId();
            draft.teamId = row.getTeamId();
            draft.organizationId = row.getOrganizationId();
            draft.models = List.of(row.getModels());
            draft.aliases = texts(object(row.getAliases()));
            draft.allowedRoutes = List.of(row.getAllowedRoutes());
            draft.allowedCacheControls = List.of(row.getAllowedCacheControls());
            draft.budget = BudgetColumns.terms(row);
            draft.budgetId = row.getBudgetId();
            draft.rateLimits = BudgetColumns.rateLimits(row);
            draft.blocked = Boolean.TRUE.equals(row.getBlocked());
            draft.expires = BudgetColumns.instant(row.getExpires());
            draft.autoRotate = row.getAutoRotate();
            draft.rotationInterval = BudgetDuration.parseOptional("rotation_interval", row.getRotationInterval());
            draft.metadata = object(row.getMetadata());
            draft.permissions = object(row.getPermissions());
            draft.config = object(row.getConfig());
            return draft.build();
        } catch (InvalidArgumentException e) {
            throw new DatabaseFailureException(
                    "The row of the virtual key with hash " + row.getToken() + " cannot be read: " + e.getMessage(), e);
        }
    }

    /**
     * Sets what an administrator sets, and what follows from it.
     *
     * @param before the row as it is; for a new key the same as {@code row}
     * @param now the present, by the database's clock
     */
    @SuppressWarnings("ReferenceEquality") // a new row is what it was before
    static void apply(VirtualKeyRow row, VirtualKeyRow before, VirtualKeySpec spec, Instant now) {
        row.setKeyAlias(spec.alias());
        row.setUserId(spec.userId());
        row.setTeamId(spec.teamId());
        row.setOrganizationId(spec.organizationId());
        row.setModels(array(spec.models()));
        row.setAliases(json(spec.aliases()));
        row.setAllowedRoutes(array(spec.allowedRoutes()));
        row.setAllowedCacheControls(array(spec.allowedCacheControls()));
        BudgetColumns.set(row, spec.budget());
        row.setBudgetId(spec.budgetId());
        BudgetColumns.set(row, spec.rateLimits());
        // A key that was never blocked is null in rows that come from elsewhere, and stays so.
        if (spec.blocked() != Boolean.TRUE.equals(before.getBlocked()) || before == row) {
            row.setBlocked(spec.blocked());
        }
        Instant expires =
                spec.validFor() == null ? spec.expires() : spec.validFor().after(now);
        row.setExpires(BudgetColumns.time(expires));
        String interval =
                spec.rotationInterval() == null ? null : spec.rotationInterval().toString();
        boolean sameSchedule = Objects.equals(interval, before.getRotationInterval())
                && Boolean.valueOf(spec.autoRotate()).equals(before.getAutoRotate());
        row.setAutoRotate(spec.autoRotate());
        row.setRotationInterval(interval);
        if (!spec.autoRotate()) {
            row.setKeyRotationAt(null);
        } else if ((before == row || !sameSchedule || before.getKeyRotationAt() == null)
                && spec.rotationInterval() != null) {
            row.setKeyRotationAt(BudgetColumns.time(spec.rotationInterval().after(now)));
        }
        row.setMetadata(json(spec.metadata()));
        row.setPermissions(json(spec.permissions()));
        row.setConfig(json(spec.config()));
    }

    private static JSONB json(Map<String, ?> values) {
        return JSONB.valueOf(Json.write(values));
    }

    private static String[] array(List<String> values) {
        return values.toArray(new String[0]);
    }

    /** Columns without a check may hold other JSON in rows that come from elsewhere; that says nothing to us. */
    private static Map<String, Object> object(@Nullable JSONB json) {
        String text = json == null ? "" : json.data().strip();
        return text.startsWith("{") ? Json.object(text) : Map.of();
    }

    private static Map<String, String> texts(Map<String, Object> values) {
        Map<String, String> texts = new LinkedHashMap<>();
        values.forEach((name, value) -> {
            if (value instanceof String text) {
                texts.put(name, text);
            }
        });
        return texts;
    }
}
