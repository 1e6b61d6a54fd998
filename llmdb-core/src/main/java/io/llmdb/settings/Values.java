package io.llmdb.settings;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What every setting is, and where that came from. */
final class Values {

    record Value<T>(@Nullable T value, SettingSource source) {}

    private final Map<Setting<?>, Value<?>> values = new HashMap<>();
    private final Set<Setting<?>> broken = new HashSet<>();

    <T> void put(Setting<T> setting, @Nullable T value, SettingSource source) {
        values.put(setting, new Value<>(value, source));
    }

    /** The default stands in, so that the rest can be looked at. */
    <T> void putBroken(Setting<T> setting) {
        put(setting, setting.defaultValue(), SettingSource.DEFAULT);
        broken.add(setting);
    }

    boolean isAnyBroken(Setting<?>... settings) {
        for (Setting<?> setting : settings) {
            if (broken.contains(setting)) {
                return true;
            }
        }
        return false;
    }

    <T> T get(Setting<T> setting) {
        T value = find(setting);
        if (value == null) {
            throw new IllegalStateException(setting + " has no value");
        }
        return value;
    }

    <T> @Nullable T find(Setting<T> setting) {
        return value(setting).value();
    }

    SettingSource source(Setting<?> setting) {
        return value(setting).source();
    }

    boolean isSet(Setting<?> setting) {
        return source(setting).kind() != SettingSource.Kind.DEFAULT;
    }

    List<EffectiveSetting> effective() {
        List<EffectiveSetting> effective = new ArrayList<>();
        for (Setting<?> setting : Known.ALL) {
            effective.add(effective(setting));
        }
        return List.copyOf(effective);
    }

    private <T> EffectiveSetting effective(Setting<T> setting) {
        return new EffectiveSetting(setting.qualifiedName(), setting.format(find(setting)), source(setting));
    }

    // put() ties the value's type to its setting's.
    @SuppressWarnings("unchecked")
    private <T> Value<T> value(Setting<T> setting) {
        Value<?> value = values.get(setting);
        if (value == null) {
            throw new IllegalStateException(setting + " was not resolved");
        }
        return (Value<T>) value;
    }
}
