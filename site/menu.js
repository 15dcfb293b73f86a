// The order of the pages. What docs/ has besides, recipes for example, is found by itself.
export const MENU = [
  {
    text: 'Start',
    pages: ['getting-started', 'migration', 'troubleshooting', 'compatibility'],
  },
  {
    text: 'What it keeps',
    pages: ['concurrency', 'faults', 'sessions-of-a-user', 'security', 'security-asvs'],
  },
  {
    text: 'Reference',
    pages: ['options', 'methods', 'events', 'errors', 'clients', 'clusters', 'cli'],
  },
  {
    text: 'In operation',
    pages: ['performance', 'benchmarks/index', 'tracing'],
  },
]
