import { launchBrowser } from '../support/browser.js';
import { KEY, startMemoryHttp } from '../support/http-service.js';
import { seedShop } from '../support/shop-history.js';
it('shots', async () => {
  const service = await startMemoryHttp();
  await seedShop(service.line);
  const browser = await launchBrowser();
  for (const [name, width, height, scheme, full] of [['light', 1400, 1000, 'light', false], ['dark', 1400, 1000, 'dark', false], ['w900', 900, 1000, 'light', false], ['w400', 400, 900, 'light', true], ['w400d', 400, 900, 'dark', false], ['w1600', 1600, 1300, 'light', false]] as const) {
    const page = await browser.newPage({ viewport: { width, height }, colorScheme: scheme });
    page.on('console', (m) => console.log(m.text()));
    await page.goto(`${service.url}/#key=${KEY}`);
    await page.getByRole('option').nth(1).click();
    await page.locator('.recharts-scatter.before path').first().waitFor();
    await page.waitForTimeout(1300);
    await page.screenshot({ path: `/tmp/shot-${name}.png`, fullPage: full });
    if (name === 'light') { await page.locator('.detail-pane').evaluate((e) => { e.scrollTop = 5000; }); await page.screenshot({ path: `/tmp/shot-light2.png` }); }
    await page.close();
  }
  const page = await browser.newPage({ viewport: { width: 900, height: 600 } });
  await page.goto(`${service.url}/#key=wrong`);
  await page.getByRole('alert').waitFor();
  await page.screenshot({ path: `/tmp/shot-signin.png` });
  await browser.close();
  await service.app.close();
});
