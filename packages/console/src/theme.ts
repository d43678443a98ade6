import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core';

const brand: MantineColorsTuple = [
  '#eef2ff',
  '#dde4fb',
  '#b7c5f3',
  '#8fa5eb',
  '#6d89e4',
  '#5777e0',
  '#3f63d8',
  '#2f55c8',
  '#264ab3',
  '#1a3f9d',
];

const red: MantineColorsTuple = [
  '#fff1f0',
  '#ffe0dd',
  '#ffc2bc',
  '#ffa39b',
  '#ff8f86',
  '#f0695e',
  '#d94a3d',
  '#b42318',
  '#981b12',
  '#7a130c',
];

export const theme = createTheme({
  primaryColor: 'brand',
  // White text on these shades has a contrast of 4.5:1 or more (WCAG 2.2, 1.4.3).
  primaryShade: { light: 7, dark: 7 },
  colors: { brand, red },
  defaultRadius: 'md',
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif',
  fontFamilyMonospace:
    'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
  headings: { fontWeight: '650' },
  components: {
    Modal: { defaultProps: { classNames: { title: 'dialog-title' } } },
    SegmentedControl: {
      defaultProps: { withItemsBorders: false, classNames: { root: 'segments' } },
    },
  },
});

/** Greys whose text has a contrast of 4.5:1 or more, and the colours of surfaces and states. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': '#5b6470',
    '--mantine-color-placeholder': '#68717d',
    '--mantine-color-error': '#c02626',
    '--mantine-color-anchor': '#264ab3',
    '--console-background': '#f5f6f8',
    '--console-surface': '#ffffff',
    '--console-border': '#dfe3e8',
    '--console-track': '#e6e9ee',
    '--console-hover': '#f0f3fa',
    '--console-good': '#1f7a3d',
    '--console-bad': '#b42318',
    '--console-warn': '#93560a',
    '--console-busy': '#264ab3',
    '--console-idle': '#5b6470',
  },
  dark: {
    '--mantine-color-body': '#1c2027',
    '--mantine-color-dark-6': '#252a33',
    '--mantine-color-default': '#252a33',
    '--mantine-color-default-hover': '#2d333d',
    '--mantine-color-default-border': '#3c434f',
    '--mantine-color-dimmed': '#a4abb6',
    '--mantine-color-placeholder': '#9aa2ae',
    '--mantine-color-error': '#ff8f86',
    '--mantine-color-anchor': '#9db3f5',
    '--console-background': '#15181d',
    '--console-surface': '#1c2027',
    '--console-border': '#343a44',
    '--console-track': '#2a2f38',
    '--console-hover': '#252a33',
    '--console-good': '#6fd08c',
    '--console-bad': '#ff8f86',
    '--console-warn': '#f0b35a',
    '--console-busy': '#9db3f5',
    '--console-idle': '#a4abb6',
  },
});
