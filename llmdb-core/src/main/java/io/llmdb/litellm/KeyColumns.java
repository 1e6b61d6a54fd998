package io.llmdb.litellm;

import io.llmdb.keys.KeyHash;
import java.time.Instant;
import java.util.List;
import java.util.function.Consumer;

/** Takes a key's columns over. */
final class KeyColumns {

    private KeyColumns() {}

    static void translate(Row row, Consumer<Row> terms, Instant now) {
        token(row, "token");
        name(row);
        for (String text : List.of("key_alias", "user_id", "team_id", "budget_id", "organization_id")) {
            row.text(text);
            if ("".equals(row.raw(text)) && !text.equals("key_alias")) {
                row.put(text, null);
                row.changed(text, "an empty text means none");
            }
        }
        row.flag("soft_budget_cooldown", false);
        expires(row);
        row.texts("models");
        row.textMap("aliases", "aliases");
        row.object("config", "config");
        row.object("permissions", "permissions");
        row.object("metadata", "metadata");
        row.flag("blocked", null);
        terms.accept(row);
        row.furtherWindows("budget_limits");
        row.texts("allowed_cache_controls");
        row.texts("allowed_routes");
        row.object("model_spend", "model_spend");
        row.timeOr("created_at", now);
        row.timeOr("updated_at", now);
        row.textOr("created_by", "");
        row.textOr("updated_by", "");
        row.time("last_active");
        row.count("rotation_count");
        row.flag("auto_rotate", false);
        row.duration("rotation_interval");
        row.time("last_rotation_at");
        row.time("key_rotation_at");
        if (Boolean.TRUE.equals(row.here().get("auto_rotate")) && row.here().get("rotation_interval") == null) {
            row.put("auto_rotate", false);
            row.changed("auto_rotate", "without an interval it is never rotated");
        }
    }

    /** A key is named by its hash; a raw key that stands there goes on working by its hash, and is not kept. */
    static void token(Row row, String column) {
        String value = row.rawOr(column, "");
        row.put(column, row.keyHash(column));
        if (value.isEmpty()) {
            row.skip(column + " is empty: no key has it");
        } else if (!value.startsWith("sk-") && !Row.isHash(value)) {
            // It may be a secret, and nobody can call with it, there or here.
            row.put(column, KeyHash.of(value));
            row.changed(column, "neither a key nor a hash, so that nobody can call with it: its hash is kept");
        }
    }

    private static void name(Row row) {
        row.text("key_name");
        String name = row.raw("key_name");
        if (name != null && name.startsWith("sk-") && !name.startsWith("sk-...") && name.length() >= 16) {
            row.put("key_name", "sk-..." + name.substring(name.length() - 4));
            row.changed("key_name", "a raw key: its last four characters are kept");
        }
    }

    /** An end that cannot be kept is either long over or never. */
    private static void expires(Row row) {
        row.time("expires");
        String value = row.raw("expires");
        if (value != null && row.here().get("expires") == null && (value.startsWith("-") || value.endsWith("BC"))) {
            row.put("expires", Instant.EPOCH.toString());
            row.changed("expires", "long over: 1970 is kept");
        } else if (value != null && row.here().get("expires") == null) {
            row.changed("expires", "later than any time that can be kept, so it never expires");
        }
    }
}
