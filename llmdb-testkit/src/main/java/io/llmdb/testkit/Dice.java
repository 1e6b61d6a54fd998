package io.llmdb.testkit;

import java.util.SplittableRandom;

/**
 * Random numbers of the shapes that traffic has. The same seed gives the same numbers on every machine and JVM, which
 * is why the formulas are written out on {@link StrictMath}.
 */
final class Dice {

    private final SplittableRandom random;

    Dice(long seed) {
        this.random = new SplittableRandom(seed);
    }

    long bits() {
        return random.nextLong();
    }

    int below(int bound) {
        return random.nextInt(bound);
    }

    boolean chance(double probability) {
        return uniform() < probability;
    }

    /** In (0, 1]. */
    private double uniform() {
        return ((random.nextLong() >>> 11) + 1) * 0x1.0p-53;
    }

    /** Waiting times between independent events. */
    double exponential(double mean) {
        return -mean * StrictMath.log(uniform());
    }

    /** Many small ones and a long tail: sizes of prompts and answers. */
    long logNormal(double median, double sigma, long most) {
        double normal = StrictMath.sqrt(-2 * StrictMath.log(uniform())) * StrictMath.cos(2 * StrictMath.PI * uniform());
        return Math.max(1, Math.min(most, (long) (median * StrictMath.exp(sigma * normal))));
    }

    /** Few of whom come often and many of whom come seldom. */
    static final class Zipf {

        private final double[] cumulative;

        Zipf(int size, double exponent) {
            cumulative = new double[size];
            double sum = 0;
            for (int i = 0; i < size; i++) {
                sum += StrictMath.pow(i + 1, -exponent);
                cumulative[i] = sum;
            }
        }

        int next(Dice dice) {
            double point = dice.uniform() * cumulative[cumulative.length - 1];
            int low = 0;
            int high = cumulative.length - 1;
            while (low < high) {
                int middle = (low + high) >>> 1;
                if (cumulative[middle] < point) {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            return low;
        }
    }
}
