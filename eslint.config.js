import js from "@eslint/js";
import globals from "globals";

export default [
  js.configs.recommended,
  {
    files: ["static/*.js"],
    languageOptions: {
      sourceType: "module",
      globals: {...globals.browser, Bokeh: "readonly"},
    },
    linterOptions: {reportUnusedDisableDirectives: "error"},
    rules: {
      "no-unused-vars": ["error", {args: "all", argsIgnorePattern: "^_$", caughtErrors: "all"}],
      "eqeqeq": ["error", "always", {null: "ignore"}],
      "no-implicit-globals": "error",
      "no-shadow": "error",
      "no-var": "error",
      "prefer-const": "error",
    },
  },
];
