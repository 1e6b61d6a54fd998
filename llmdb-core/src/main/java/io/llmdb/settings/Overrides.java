package io.llmdb.settings;

import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What the application set; checked only with everything else. */
final class Overrides {

    /** A value, or a text that is yet to be read; both null: expressly none. */
    record Given(@Nullable Object value, @Nullable String text) {}

    private final Map<Setting<?>, Given> given = new HashMap<>();

    <T> void put(Setting<T> setting, @Nullable T value) {
        if (!setting.isOptional()) {
            Objects.requireNonNull(value, setting.qualifiedName());
        }
        given.put(setting, new Given(value, null));
    }

    void putText(Setting<?> setting, @Nullable String text) {
        given.put(setting, new Given(null, text));
    }

    @Nullable
    Given get(Setting<?> setting) {
        return given.get(setting);
    }
}
