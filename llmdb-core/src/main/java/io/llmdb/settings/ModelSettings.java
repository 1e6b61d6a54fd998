package io.llmdb.settings;

import org.jspecify.annotations.Nullable;

/**
 * Models that are stored in the database.
 *
 * @param storeModelInDb {@code general_settings.store_model_in_db}: models come from {@code LLM_ProxyModelTable}
 * @param saltKey what models' credentials are encrypted with, from the environment's {@code LLMDB_SALT_KEY}, or
 *     {@code LITELLM_SALT_KEY}; a secret or a keyset of Tink in JSON; null: none
 * @param earlierSaltKey what some credentials may still be encrypted with while the key is being rotated, from the
 *     environment's {@code LLMDB_EARLIER_SALT_KEY}; null: none
 */
public record ModelSettings(
        boolean storeModelInDb,
        @Nullable Secret saltKey,
        @Nullable Secret earlierSaltKey) {

    /** Models are not stored in the database. */
    public static final boolean DEFAULT_STORE_MODEL_IN_DB = false;

    static ModelSettings of(Values values) {
        return new ModelSettings(
                values.get(Known.STORE_MODEL_IN_DB), values.find(Known.SALT_KEY), values.find(Known.EARLIER_SALT_KEY));
    }

    /** Sets them from the application; wins over every other source. Not safe for use by several threads. */
    public static final class Builder {

        private final Overrides overrides;

        Builder(Overrides overrides) {
            this.overrides = overrides;
        }

        /**
         * Whether models come from {@code LLM_ProxyModelTable}.
         *
         * @param value true where they do
         * @return this
         */
        public Builder storeModelInDb(boolean value) {
            overrides.put(Known.STORE_MODEL_IN_DB, value);
            return this;
        }

        /**
         * What models' credentials are encrypted with.
         *
         * @param value the secret; null for none
         * @return this
         */
        public Builder saltKey(@Nullable Secret value) {
            overrides.put(Known.SALT_KEY, value);
            return this;
        }

        /**
         * What some credentials may still be encrypted with, while the key is being rotated.
         *
         * @param value the secret that was the salt key before; null for none
         * @return this
         */
        public Builder earlierSaltKey(@Nullable Secret value) {
            overrides.put(Known.EARLIER_SALT_KEY, value);
            return this;
        }
    }
}
